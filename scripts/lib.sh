# Helpers that scripts/run and scripts/test share. Source it from bash; it changes into the project.

set -euo pipefail
CALLED_FROM=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$HOME/.cargo/bin:$PATH:/usr/sbin:/sbin"

# What begins, after so many seconds.
say() {
    printf '\n== %s s: %s\n' "$SECONDS" "$*"
}

# One sentence that says what is wrong and what to do, then the end.
die() {
    printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# How to become root: an empty array for root, sudo for others, nothing else is tried.
SUDO=()
find_root() {
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null ||
        die "this needs root and there is no sudo; run it as root, or install sudo and try again."
    SUDO=(sudo)
    sudo -v || die "this needs root and sudo did not let you; run it as root."
}

# need_tool COMMAND:PACKAGE... installs with apt the packages whose commands are missing.
need_tools() {
    local pair missing=()
    for pair in "$@"; do
        has_tool "${pair%%:*}" || missing+=("${pair##*:}")
    done
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get >/dev/null ||
        die "missing: ${missing[*]}; this machine has no apt-get, so install them by its own means."
    find_root
    say "installing ${missing[*]}"
    local apt=("${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120)
    "${apt[@]}" update ||
        die "apt-get update failed; check the network and /etc/apt/sources.list, then try again."
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" ||
        die "apt-get could not install ${missing[*]}; install them by hand, then try again."
    hash -r
    for pair in "$@"; do
        has_tool "${pair%%:*}" ||
            die "the package ${pair##*:} is installed but there is still no usable '${pair%%:*}'."
    done
}

# Whether a command exists and is the variety that is meant.
has_tool() {
    case $1 in
        nc) command -v nc >/dev/null && [[ "$(nc -h 2>&1)" == *OpenBSD* ]] ;;
        # Debian's package is for the Python of the system, which need not be the first on the path.
        scapy | selenium) /usr/bin/python3 -c "import $1" 2>/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# A Rust that is new enough, with the components named.
need_rust() {
    local wanted have
    command -v cargo >/dev/null ||
        die "cargo is missing; install Rust from https://rustup.rs, then try again."
    if ! cargo --version >/dev/null 2>&1; then
        say "installing the stable Rust toolchain"
        rustup default stable ||
            die "rustup could not install a toolchain; run 'rustup default stable' and look at what it says."
    fi
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    have=$(rustc --version | cut -d' ' -f2)
    if [ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -1)" != "$wanted" ]; then
        command -v rustup >/dev/null ||
            die "Rust $have is too old, $wanted is needed; update it and try again."
        say "updating Rust from $have"
        rustup update stable ||
            die "Rust $have is too old, $wanted is needed, and 'rustup update stable' failed."
        export RUSTUP_TOOLCHAIN=stable
    fi
    local component
    for component in "$@"; do
        cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 ||
            rustup component add "$component" ||
            die "the Rust component $component is missing; run 'rustup component add $component'."
    done
}

# A TUN device can be made here.
need_tun() {
    if [ ! -c /dev/net/tun ]; then
        find_root
        "${SUDO[@]}" modprobe tun 2>/dev/null || true
    fi
    [ -c /dev/net/tun ] || die "there is no /dev/net/tun: the kernel module 'tun' is not loaded and" \
        "'modprobe tun' did not help. In a container, start it with" \
        "--device /dev/net/tun --cap-add NET_ADMIN --cap-add SYS_ADMIN."
    find_root
}

# Where cargo puts what it builds.
target_dir() {
    cargo metadata --format-version 1 --no-deps --offline 2>/dev/null |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}
