//! Tools that build, check and show: what they write can be built again.

/// Names of programs that change nothing but what they make.
const PROGRAMS: &str = "cargo rustc rustup rustfmt clippy-driver go gofmt gopls golangci-lint staticcheck npm pnpm yarn bun tsc eslint prettier biome
    vite webpack rollup esbuild swc turbo nx lerna next nuxt astro remix svelte-kit ng vue-cli-service parcel gulp grunt
    pip pip3 pipx poetry pdm hatch uv rye conda mamba virtualenv black ruff flake8 mypy pyright pylint isort bandit coverage
    sphinx-build mkdocs jupyter ipython twine gem bundle bundler rubocop solargraph composer phpstan psalm php-cs-fixer pint
    mvn gradle gradlew mvnw sbt ant javac java kotlinc kotlin scala scalac groovy jar jshell lein clj dotnet msbuild nuget csc fsharpc
    gcc g++ clang clang++ cc c++ cmake ninja meson autoconf automake ld ar as gdb lldb valgrind clang-format clang-tidy
    swift swiftc xcodebuild xcrun pod fastlane swiftlint flutter dart elixir iex erl rebar3 ghc cabal stack hlint opam dune ocaml
    zig nim crystal julia R Rscript lua luac luarocks stylua perldoc cpan cpanm nix nix-shell nix-build brew apt apt-get apt-cache dpkg yum dnf pacman apk snap
    code vim nvim nano emacs less vi ed helix zip unzip tar gzip gunzip bzip2 xz zstd 7z pandoc ffmpeg convert magick
    protoc buf grpcurl openssl ssh-keygen gpg age jupyter-lab serve http-server live-server nodemon concurrently wait-on cross-env
    playwright cypress puppeteer storybook hugo jekyll gatsby zola husky lint-staged commitlint changeset semantic-release np
    pre-commit act actionlint hadolint yamllint markdownlint cspell typos shfmt create-vite create-next-app degit tailwindcss postcss sass
    bazel bazelisk buck2 pants ctest cpack dlv corepack pipenv deno lldb-mi
    kill pkill killall pidof tailscale adb fvm nvm fnm volta mise asdf direnv xcode-select tldr fzf watchman ngrok hyperfine watchexec ast-grep semgrep sd cheat buildah skopeo minikube kind k3d colima
    lvs vgs pvs lvdisplay vgdisplay pvdisplay blkid getent last lastlog users atq
    foreman overmind honcho supervisord pm2 uvicorn gunicorn hypercorn puma unicorn thin rackup daphne streamlit
    ansible-lint sqlfluff sqlc graphql-codegen openapi-generator tsup tsc-watch ts-prune knip depcheck npm-check-updates ncu rimraf-none robocopy xcopy
    scp sftp ftp nc ncat telnet socat systemctl service launchctl rustlings bat hexyl xh-none claude gemini q codex cursor-agent copilot opencode aider
    chsh passwd visudo useradd userdel usermod adduser deluser iptables ufw reboot shutdown halt poweroff modprobe sysctl";

/// Those of them that are more than that, and are read elsewhere or by the floor.
const MORE: &str = "scp sftp ftp nc ncat telnet socat systemctl service launchctl claude gemini q codex cursor-agent copilot opencode aider
    chsh passwd visudo useradd userdel usermod adduser deluser iptables ufw reboot shutdown halt poweroff modprobe sysctl robocopy xcopy";

/// Whether `program` changes nothing but what it makes.
pub fn is_local(program: &str) -> bool {
    let named = |list: &str| list.split_whitespace().any(|name| name == program);
    named(PROGRAMS) && !named(MORE)
}
