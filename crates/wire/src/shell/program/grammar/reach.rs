//! Modules that reach files, processes or the network, and what of each only looks or makes
//! something new: any other call of them is one that nobody knows.

use super::{
    super::{Language, Value, call::Made},
    calls::does,
};

/// Modules, and what of them changes nothing that is there. A module that ends with `_` is what
/// the names of its functions begin with; a member that ends with `*` is all that begin so.
type Reach = (&'static str, &'static str);

const PYTHON: &[Reach] = &[
    (
        "os",
        "path name sep pathsep linesep environ environb getenv getenvb putenv unsetenv getcwd getcwdb
        listdir scandir walk fwalk stat lstat fstat statvfs fstatvfs access getpid getppid getuid
        geteuid getgid getegid getgroups getlogin getpgid getpgrp getsid cpu_count
        process_cpu_count sched_getaffinity sched_yield uname urandom getrandom get_terminal_size
        isatty fspath fsencode fsdecode readlink makedirs mkdir mkfifo strerror error times
        getloadavg get_exec_path umask close closerange read readv pread preadv write writev
        pwrite lseek fsync fdatasync sync pipe dup dup2 fdopen supports_* W* wait waitpid waitid
        waitstatus_to_exitcode nice _exit abort fork getxattr listxattr confstr sysconf
        pathconf ctermid major minor get_inheritable set_inheritable get_blocking set_blocking
        utime PathLike DirEntry stat_result register_at_fork getpriority openpty forkpty ttyname
        kill killpg device_encoding",
    ),
    (
        "shutil",
        "which disk_usage get_terminal_size get_archive_formats get_unpack_formats ignore_patterns
        copymode copystat copyfileobj Error SameFileError",
    ),
    (
        "subprocess",
        "CalledProcessError TimeoutExpired SubprocessError CompletedProcess list2cmdline STARTUPINFO",
    ),
    (
        "pathlib",
        "Path PurePath PosixPath PurePosixPath WindowsPath PureWindowsPath UnsupportedOperation",
    ),
    (
        "path",
        "exists is_* stat lstat owner group name stem suffix parts match full_match relative_to
        with_* as_* absolute resolve expanduser samefile readlink mkdir touch glob rglob iterdir
        walk joinpath home cwd info open read_* hex format* replace split* rsplit* partition
        rpartition strip lstrip rstrip startswith endswith lower upper title capitalize swapcase
        casefold encode decode count find rfind index rindex join removeprefix removesuffix isalpha
        isdigit isalnum isidentifier isnumeric isspace islower isupper zfill ljust rjust center
        translate expandtabs read readline readlines write writelines close seek tell flush fileno
        isatty truncate __* cleanup",
    ),
    (
        "asyncio",
        "run gather sleep wait* create_task ensure_future Queue PriorityQueue LifoQueue Event Lock
        Semaphore BoundedSemaphore Condition Barrier get_event_loop new_event_loop set_event_loop*
        get_running_loop as_completed TaskGroup timeout* shield iscoroutine* to_thread isfuture
        run_coroutine_threadsafe Future Task CancelledError TimeoutError InvalidStateError Runner
        current_task all_tasks start_server subprocess StreamReader DefaultEventLoopPolicy
        WindowsSelectorEventLoopPolicy",
    ),
    (
        "socket",
        "gethostname getfqdn gethostby* getaddrinfo getnameinfo inet_* hton* ntoh* has_ipv6
        getservby* getprotobyname error timeout gaierror herror setdefaulttimeout
        getdefaulttimeout if_name*",
    ),
];

const JAVASCRIPT: &[Reach] = &[
    (
        "fs fs.promises fs-extra",
        "exists* stat* lstat* fstat* access* read* realpath* close* constants createReadStream watch*
        unwatchFile opendir* mkdir* mkdtemp* Stats Dirent Dir ReadStream utimes* futimes*
        lutimes* fsync* fdatasync* glob* openAsBlob promises write writeSync writev* ensureDir*
        ensureFile* mkdirp* mkdirs* pathExists* default",
    ),
    ("child_process", "ChildProcess"),
    (
        "process",
        "argv* env* version* platform arch pid ppid cwd uptime hrtime* memoryUsage cpuUsage
        resourceUsage threadCpuUsage exit exitCode on once off emit* addListener prepend* remove*
        listener* eventNames raw* nextTick stdin stdout stderr title umask exec* features release
        config allowedNodeEnvironmentFlags getuid geteuid getgid getegid getgroups abort report
        constrainedMemory availableMemory setSourceMapsEnabled sourceMapsEnabled
        setUncaughtExceptionCaptureCallback hasUncaughtExceptionCaptureCallback mainModule channel
        connected send disconnect permission getActiveResourcesInfo *MaxListeners
        setMaxListeners getMaxListeners ref unref finalization kill",
    ),
    (
        "Deno",
        "args version build cwd env exit* pid ppid noColor mainModule read* stat* lstat* realPath*
        mkdir* makeTemp* serve* listen* test bench inspect customInspect errors hostname os*
        loadavg memoryUsage systemMemoryInfo networkInterfaces consoleSize isatty std* permissions
        watchFs addSignalListener removeSignalListener gid uid resolveDns metrics resources execPath
        telemetry jupyter utime* upgradeWebSocket refTimer unrefTimer symbols kill",
    ),
    (
        "Bun",
        "version revision env main argv serve listen sleep* which hash nanoseconds inspect peek gzip*
        gunzip* deflate* inflate* zstd* deep* escapeHTML stringWidth stripANSI fileURLToPath
        pathToFileURL resolve* Transpiler build password CryptoHasher SHA* MD* std* semver color
        Glob TOML YAML random* isMainThread cwd gc generateHeapSnapshot readable* indexOfLine
        concatArrayBuffers ArrayBufferSink dns embeddedFiles FileSystemRouter enableANSIColors file",
    ),
];

const RUBY: &[Reach] = &[
    (
        "File",
        "exist? exists? file? directory? size* zero? empty? basename dirname extname join expand_path
        absolute_path* realpath realdirpath readable* writable* executable* symlink? readlink stat
        lstat mtime ctime atime birthtime split fnmatch* foreach readlines read identical? world_*
        owned? grpowned? pipe? socket? blockdev? chardev? setuid? setgid? sticky? ftype path umask
        utime lutime mkfifo Stat Constants",
    ),
    (
        "Dir",
        "exist? exists? empty? pwd getwd glob children entries each_child foreach open new home mkdir
        tmpdir mktmpdir fchdir",
    ),
    (
        "FileUtils",
        "mkdir mkdir_p mkpath makedirs touch pwd getwd compare_file identical? cmp compare_stream
        uptodate? DryRun NoWrite Verbose",
    ),
    ("IO", "read readlines foreach binread pipe select new for_fd open console console_size"),
    (
        "Process",
        "pid ppid clock_* wait* detach times uid gid euid egid getpgid getpgrp getsid getpriority
        argv0 setproctitle last_status daemon exit* abort fork warmup groups maxgroups getrlimit
        Status Tms kill",
    ),
];

const PERL: &[Reach] = &[(
    "POSIX",
    "floor ceil fmod pow round trunc lround log10 log2 strftime mktime setlocale localeconv getpid
    getppid getuid getgid isatty ttyname uname times strto* tolower toupper ctime asctime
    localtime gmtime time difftime clock errno strerror access getcwd W* LC_* INT_* UINT_* DBL_*
    FLT_* LONG_* EXIT_* SIG* E* sig* pause dup dup2 close read _exit abs sqrt exp log sin cos
    tan asin acos atan* sinh cosh tanh fmax fmin fabs isalpha is* printf sprintf perror nice
    sysconf pathconf cuserid ctermid tzset tzname modf frexp ldexp",
)];

const PHP: &[Reach] = &[
    (
        "ftp_",
        "connect ssl_connect login close quit pwd chdir cdup size mdtm nlist rawlist mlsd pasv get* systype set_option raw_list",
    ),
    ("ssh2_", "connect disconnect fingerprint methods_negotiated"),
    (
        "ldap_",
        "connect bind unbind close search read list get_* first_* next_* count_entries err* escape explode_dn dn2ufn free_result set_option start_tls",
    ),
    (
        "pcntl_",
        "fork wait* signal* async_signals alarm w* get_last_error errno strerror getpriority sig*",
    ),
    (
        "posix_",
        "get* isatty ttyname uname times strerror errno access ctermid kill mkfifo pathconf sysconf",
    ),
    (
        "socket_",
        "create create_listen create_pair listen accept bind close get_* getsockname getpeername last_error strerror clear_error select set_* read recv recvfrom",
    ),
    (
        "pg_",
        "connect* pconnect close fetch_* num_* escape_* free_result last_* result_* affected_rows connection_* dbname host port version ping parameter_status field_* get_* set_* client_encoding options select meta_data query* send_query* prepare execute send_prepare send_execute consume_input flush socket cancel_query busy trace untrace tty lo_open lo_read lo_read_all lo_seek lo_tell lo_close unescape_bytea convert jit",
    ),
    (
        "mysqli_",
        "connect* close fetch_* num_* real_escape_string escape_string err* affected_rows insert_id select_db set_charset character_set_name free_result ping stat get_* init options real_connect stmt_* report autocommit commit begin_transaction rollback data_seek field_* query multi_query real_query prepare execute_query more_results next_result store_result use_result sqlstate thread_id info warning_count ssl_set savepoint release_savepoint",
    ),
    (
        "imap_",
        "open close errors last_error check fetch* header* num_* search sort list* status* mime* utf* base64 qprint 8bit body* rfc822* ping uid msgno thread alerts",
    ),
    (
        "odbc_",
        "connect pconnect close* fetch_* result* num_* field_* error* tables columns exec execute prepare free_result commit rollback autocommit",
    ),
    ("shmop_", "open read size close"),
    ("dba_", "open popen close fetch exists firstkey nextkey handlers list"),
];

/// Libraries of Python that write a file where they are told to.
const WRITERS: &str =
    "pandas polars numpy PIL cv2 matplotlib seaborn openpyxl docx pyarrow scipy networkx";
/// What they call that.
const WRITING: &str =
    "save savefig savez savez_compressed savetxt tofile imwrite imsave to_csv to_excel
    to_parquet to_pickle to_feather to_hdf to_html to_latex to_markdown to_json to_xml to_stata
    to_orc write_csv write_parquet write_json write_ndjson write_excel write_ipc write_table";

/// Whether a call is one of a module that reaches something, and of those that nobody knows.
pub(in super::super) fn is_unlisted(language: Language, name: &str) -> bool {
    let rows = match language {
        Language::Python => PYTHON,
        Language::JavaScript => JAVASCRIPT,
        Language::Ruby => RUBY,
        Language::Perl => PERL,
        Language::Php => PHP,
    };
    let of = |modules: &'static str| {
        let all = modules.split_whitespace();
        let own = all.filter_map(|module| {
            let rest = name.strip_prefix(module)?;
            let rest = if module.ends_with('_') { rest } else { rest.strip_prefix('.')? };
            Some((module, rest))
        });
        own.max_by_key(|(module, _)| module.len())
    };
    let longest = rows.iter().filter_map(|(modules, looks)| Some((of(modules)?, looks)));
    let Some(((module, rest), looks)) = longest.max_by_key(|((module, _), _)| module.len()) else {
        return false;
    };
    // What is got out of what a known call gave is known with it.
    let member = rest.split('.').next().unwrap_or(rest);
    let own = name.len() - rest.len() + member.len();
    let whole = name.get(..own).unwrap_or(name);
    debug_assert!(whole.starts_with(module), "a member lies in its module");
    !looks.split_whitespace().any(|it| is_meant(it, member)) && does(language, whole).is_none()
}

fn is_meant(pattern: &str, member: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => member.starts_with(start),
        None => pattern == member,
    }
}

/// Where a call of a library for data writes, if it does.
pub(in super::super) fn written_by<'c, 't>(call: &'c Made<'_, 't>) -> Option<&'c Value<'t>> {
    let root = call.name.split('.').next().unwrap_or_default();
    let writes = WRITERS.split_whitespace().any(|it| it == root)
        && WRITING.split_whitespace().any(|it| it == call.verb());
    let place = || call.at(0).or_else(|| call.named(&["fname", "path_or_buf", "path", "fp"]));
    let is_place = |it: &&Value<'t>| {
        !matches!(it, Value::Name(_) | Value::Absent | Value::Table(_) | Value::Code(_))
    };
    writes.then(place).flatten().filter(is_place)
}
