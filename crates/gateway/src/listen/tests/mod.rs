mod evidence;
mod message;
mod stop;
