//! Black-box tests: real processes, real sockets, real clients.
//!
//! - [`holdpoint`]: the binary under test, its state and its command line
//! - [`curl`]: a real client behind the gateway
//! - [`day`]: a day of honest work, done by real tools
//! - [`stage`]: a stand-in for Railway with a gateway in front of it
//! - [`echo`]: an upstream that echoes, with a gateway in front of it
//! - [`faulty`]: an upstream that fails
//! - [`issuing`]: upstreams that issue credentials, with a gateway in front of them
//! - [`enclosed`]: a command in its enclosure
//! - [`json_host`]: a host that answers with JSON
//! - [`login_host`]: who renews an agent's login, and its model
//! - [`agent_room`]: real agents in an enclosure
//! - [`far_ends`]: where its gateway finds the far ends
//! - [`model`]: the model that they ask, which plays a script
//! - [`flood`]: a run that floods, and its kill
//! - [`running`]: a run that goes on, and servers outside
//! - [`browser`]: a real browser outside
//! - [`ssh`]: a real server of SSH, and tunnels through it
//! - [`npm`]: programs from npm
//! - [`terminal`]: a terminal with somebody at it
//! - [`websocket`]: an upstream that speaks WebSocket, with a gateway in front of it
//! - [`git`]: a code host with a gateway in front of it, and real git
//! - [`git_host`]: the code host
//! - [`aws`]: a stand-in for AWS with a gateway in front of it, and AWS's own clients
//! - [`grpc_host`]: a server of gRPC with a gateway in front of it
//! - [`python`]: real clients in Python
//! - [`fakes`]: registries of packages, a cluster and an API in one server
//! - [`hooks`]: hooks called as agents call them
//! - [`hooked`]: real agents that have nothing but their hooks
//! - [`clients`]: those with a gateway in front of them, and whoever asks them
//! - [`released`]: what is released, and the home of somebody who has only that
//! - [`engines`]: container engines of their own
//! - [`tree`]: a directory as it is, bit for bit
//! - [`files`]: what lies in a directory, byte by byte
//! - [`incidents`]: incidents expanded into episodes for `explain`
//! - [`episodes`]: files of episodes, and what `explain` says to them
//! - [`postgres`]: a PostgreSQL server with a gateway in front of it
//! - [`postgres_versions`]: servers of other versions than the machine's
//! - [`proxy`]: a proxy between the gateway and the world
//! - [`lenient`]: how lenient servers understand bytes
//! - [`replay`]: episodes at a live gateway
//! - [`snapshot_stores`]: stores of snapshots on another machine
//! - [`two_clocks`]: the clocks of a process as a test sets them
//! - [`window`]: Railway and a gateway with such clocks, and what waits its time
//! - [`small_disk`]: a disk that can be full, or read-only

pub mod agent_room;
pub mod agreement;
pub mod aws;
pub mod browser;
pub mod bulk_host;
pub mod clients;
pub mod curl;
pub mod day;
pub mod echo;
pub mod enclosed;
pub mod engines;
pub mod episodes;
pub mod fakes;
pub mod far_ends;
pub mod faulty;
pub mod files;
pub mod flood;
pub mod git;
pub mod git_host;
pub mod grpc_host;
pub mod holdpoint;
pub mod hooked;
pub mod hooks;
pub mod incidents;
pub mod issuing;
pub mod json_host;
pub mod lenient;
pub mod login_host;
pub mod model;
pub mod npm;
pub mod postgres;
pub mod postgres_versions;
pub mod proxy;
pub mod python;
pub mod registry_host;
pub mod released;
pub mod replay;
pub mod running;
pub mod serving;
pub mod small_disk;
pub mod snapshot_stores;
pub mod ssh;
pub mod stage;
pub mod terminal;
pub mod token_hosts;
pub mod tree;
pub mod two_clocks;
pub mod websocket;
pub mod window;
