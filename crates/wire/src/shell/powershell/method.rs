//! Methods and properties: of .NET's own kinds, and of what a script holds.

use holdpoint_catalog::verbs;
use holdpoint_core::{Effect, ResourceId};
use tree_sitter::Node;

use super::{
    Session, UNKNOWN, children, name_of, slice,
    value::{self, Value, Values},
};
use crate::{
    Unreadable,
    shell::{At, Step, windows},
};

/// Methods that tell something, or change only what the script itself holds.
const HARMLESS: &str = "substring split contains startswith endswith trimstart trimend padleft padright
    indexof lastindexof indexofany insert tochararray equals compareto gettype gethashcode normalize
    add addrange append appendline appendformat remove removeat removeall removerange clear count
    containskey containsvalue getenumerator movenext sort reverse toarray tolist push pop peek enqueue
    dequeue where foreach clone copyto item keys values trygetvalue adddays addhours addminutes
    addseconds addmilliseconds addmonths addyears touniversaltime tolocaltime toshortdatestring
    tolongdatestring toshorttimestring subtract totalseconds readline readtoend close dispose flush
    getbytes getchars computehash transformfinalblock match matches ismatch waitforexit refresh
    nextdouble next nextbytes getelementsbytagname selectnodes selectsinglenode getattribute
    createelement appendchild hasflag getlength getupperbound tobase64string getvalue getproperties
    elapsed stop restart reset getawaiter getresult wait isnullorempty getfiles getdirectories
    getfilesystementries enumeratefiles getenvironmentvariable openread opentext getaccesscontrol
    getresponsestream first last toint32 todouble tobyte";

impl Session<'_, '_> {
    /// `x.Name`, `[x]::Name`.
    pub(super) fn member(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let parts: Vec<Node<'_>> = children(node).collect();
        let [of, name, ..] = parts.as_slice() else { return Ok(value::unknown()) };
        let name = slice(*name, text).trim_matches(['\'', '"']).to_ascii_lowercase();
        let values = self.node(*of, text)?;
        for part in parts.iter().skip(1) {
            self.node(*part, text)?;
        }
        if let [Value::Table(pairs)] = values.as_slice() {
            let found = pairs.iter().find(|(own, _)| *own == name);
            return Ok(found.map_or_else(value::unknown, |(_, values)| values.clone()));
        }
        let itself = [
            "fullname",
            "path",
            "name",
            "pspath",
            "value",
            "content",
            "definition",
            "utf8",
            "unicode",
            "ascii",
            "source",
            "basename",
        ];
        Ok(if itself.contains(&name.as_str()) { values } else { value::unknown() })
    }

    /// A property is set: only that of a request says anything.
    pub(super) fn set_member(
        &mut self,
        left: Node<'_>,
        values: &[Value],
        text: &str,
    ) -> Result<(), Unreadable> {
        let own = slice(left, text).to_ascii_lowercase();
        self.node(left, text)?;
        let of = deepest(left);
        let receiver = match children(of).next() {
            Some(first) => self.node(first, text)?,
            None => Values::new(),
        };
        if own.ends_with(".method")
            && let Some(url) = receiver.iter().map(Value::text).find(|it| it.contains("://"))
        {
            self.walk.send(
                &value::line(values).to_ascii_uppercase(),
                &url,
                Vec::new(),
                String::new(),
            );
            return Ok(());
        }
        self.forget(left, text);
        Ok(())
    }

    /// Nobody knows what the variables below a node are now.
    pub(super) fn forget(&mut self, node: Node<'_>, text: &str) {
        if node.kind() == "variable" {
            self.set_variable(name_of(slice(node, text)), value::unknown());
        }
        // A path below it is no further than the tree is deep, which was looked at before.
        children(node).for_each(|it| self.forget(it, text));
    }

    /// `x.Name(…)`, `[x]::Name(…)`.
    pub(super) fn invoked(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let parts: Vec<Node<'_>> = children(node).collect();
        let [of, name, rest @ ..] = parts.as_slice() else {
            return self.statements(node, text);
        };
        let mut given = Vec::new();
        for list in rest.iter().flat_map(|it| children(*it)).collect::<Vec<_>>() {
            match list.kind() {
                "argument_expression_list" => {
                    for one in children(list) {
                        given.push(self.node(one, text)?);
                    }
                }
                _ => given.push(self.node(list, text)?),
            }
        }
        self.node(*name, text)?;
        let name = slice(*name, text).trim_matches(['\'', '"']).to_ascii_lowercase();
        if of.kind() == "type_literal" {
            // What a kind says of itself may be any of its methods.
            if value::sign(node, text) != "::" {
                return Ok(self.unmodelled());
            }
            self.run_all(&given.concat(), None)?;
            return self.of_kind(&super::kind::name(slice(*of, text)), &name, &given);
        }
        let receiver = self.node(*of, text)?;
        if !matches!(receiver.as_slice(), [Value::Block(_)]) {
            self.run_all(&given.concat(), Some(&receiver))?;
        }
        self.of_value(&receiver, &name, &given)
    }

    /// `x.foreach{ … }`.
    pub(super) fn for_each_of(&mut self, node: Node<'_>, text: &str) -> Result<Values, Unreadable> {
        let parts: Vec<Node<'_>> = children(node).collect();
        let [of, block, ..] = parts.as_slice() else { return Ok(value::unknown()) };
        let (of, block) = (self.node(*of, text)?, self.node(*block, text)?);
        self.for_each(&block, &of)
    }

    /// A method of something that a script holds.
    fn of_value(
        &mut self,
        of: &[Value],
        name: &str,
        given: &[Values],
    ) -> Result<Values, Unreadable> {
        let argument = |at: usize| given.get(at).map(|it| value::line(it)).unwrap_or_default();
        let whole = value::line(of);
        if let [Value::Block(text)] = of {
            let text = text.clone();
            return self.run(&text, &[], given, None);
        }
        match name {
            "invokescript" if !given.is_empty() => return self.script(&argument(0)),
            "invoke" if given.is_empty() => return self.script(&whole),
            "getstring" | "tostring" | "trim" => {
                return Ok(value::text(if given.is_empty() { whole } else { argument(0) }));
            }
            "tolower" | "tolowerinvariant" => return Ok(value::text(whole.to_lowercase())),
            "toupper" | "toupperinvariant" => return Ok(value::text(whole.to_uppercase())),
            "replace" if !argument(0).is_empty() => {
                return Ok(value::text(value::replaced(&whole, &argument(0), &argument(1))));
            }
            "deletefile" | "deletefolder" | "deletedirectory" => {
                let path = windows::path(&argument(0));
                self.walk.deletes(self.scope, &path, "program:delete");
            }
            "delete" | "moveto" => {
                for one in of {
                    let path = windows::path(&one.text());
                    self.walk.deletes(self.scope, &path, "program:delete");
                }
            }
            "run" | "exec" | "shellexecute" | "start" if !given.is_empty() => {
                let words = windows::words(&value::line(&given.concat()));
                self.program(&words, None)?;
            }
            name if verbs::effect_of_words(name) == Some(Effect::Destroy) && !is_of_list(name) => {
                let id = ResourceId::of("powershell", "object", name);
                let step =
                    Step::guessed(format!("powershell:{name}"), Effect::Destroy, id, At::Somewhere);
                self.walk.push(step);
            }
            _ if self.of_net(&whole, name, given) => {}
            name if HARMLESS.split_whitespace().any(|it| it == name) => {}
            _ => return Ok(self.unmodelled()),
        }
        Ok(value::unknown())
    }

    /// What is sent to a server, or read from it; whether `name` is a method of a client.
    fn of_net(&mut self, whole: &str, name: &str, given: &[Values]) -> bool {
        let argument = |at: usize| given.get(at).map(|it| value::line(it)).unwrap_or_default();
        let is_url = |it: &str| it.contains("://");
        let (method, url) = match name {
            "downloadstring" | "downloaddata" | "getstringasync" | "getasync" | "openread"
                if is_url(&argument(0)) =>
            {
                ("GET", argument(0))
            }
            "downloadfile" => {
                let path = windows::path(&argument(1));
                self.walk.writes(self.scope, &path, &UNKNOWN.to_string(), false);
                ("GET", argument(0))
            }
            "getresponse" if is_url(whole) => ("GET", whole.to_owned()),
            "uploadstring" | "uploadfile" | "uploaddata" | "uploadvalues" | "postasync" => {
                ("POST", argument(0))
            }
            "putasync" => ("PUT", argument(0)),
            "deleteasync" => ("DELETE", argument(0)),
            _ => return false,
        };
        self.walk.send(method, &url, Vec::new(), UNKNOWN.to_string());
        true
    }
}

/// Methods of lists and texts, which are the script's own.
fn is_of_list(name: &str) -> bool {
    ["remove", "removeat", "clear", "removeall", "removerange"].contains(&name)
}

/// The innermost node that has more than one part.
fn deepest(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    while at.named_child_count() == 1 {
        let Some(next) = at.named_child(0) else { break };
        at = next;
    }
    at
}
