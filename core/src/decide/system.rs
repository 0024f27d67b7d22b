//! Names of commands that scripts and people expect to belong to the system.

use std::{collections::BTreeSet, sync::LazyLock};

/// POSIX.1-2017 and -2024: all utilities, including the regular built-in utilities of the shell.
const POSIX: &str = "\
    admin alias ar asa at awk basename batch bc bg c17 c99 cal cat cd cflow chgrp chmod chown \
    cksum cmp comm command compress cp crontab csplit ctags cut cxref date dd delta df diff \
    dirname du echo ed env ex expand expr false fc fg file find fold fort77 fuser gencat get \
    getconf getopts gettext grep hash head iconv id ipcrm ipcs jobs join kill lex link ln locale \
    localedef logger logname lp ls m4 mailx make man mesg mkdir mkfifo more msgfmt mv newgrp \
    ngettext nice nl nm nohup od paste patch pathchk pax pr printf prs ps pwd qalter qdel qhold \
    qmove qmsg qrerun qrls qselect qsig qstat qsub read readlink realpath renice rm rmdel rmdir \
    sact sccs sed sh sleep sort split strings strip stty tabs tail talk tee test time timeout \
    touch tput tr true tsort tty type ulimit umask unalias uname uncompress unexpand unget uniq \
    unlink uucp uudecode uuencode uustat uux val vi wait wc what who write xargs xgettext yacc zcat";
/// Commands of GNU coreutils that are not in POSIX.
const COREUTILS: &str = "\
    arch b2sum base32 base64 basenc chcon chroot dir dircolors factor groups hostid install \
    md5sum mknod mktemp nproc numfmt pinky ptx runcon seq sha1sum sha224sum sha256sum sha384sum \
    sha512sum shred shuf stat stdbuf sum sync tac truncate uptime users vdir whoami yes";
/// Commands of util-linux, procps, psmisc, shadow and kmod.
const LINUX: &str = "\
    agetty blkid blockdev cfdisk chage chfn chrt chsh col colrm column depmod dmesg eject \
    fallocate fdisk findfs findmnt flock free fsck fsfreeze fstrim getopt gpasswd groupadd \
    groupdel groupmod hexdump hwclock insmod ionice killall last lastb login look losetup lsblk \
    lscpu lsipc lslocks lslogins lsmem lsmod lsns mkfs mkswap modinfo modprobe mount mountpoint \
    namei nologin nsenter passwd pgrep pidof pidwait pivot_root pkill pmap prlimit pstree pwdx \
    rename resizepart rev rfkill rmmod rtcwake runuser script scriptreplay setarch setpriv \
    setsid setterm sfdisk skill slabtop snice su sulogin swapoff swapon switch_root sysctl \
    taskset tload top ul umount unshare useradd userdel usermod uuidgen vigr vipw vmstat w wall \
    watch whereis wipefs zramctl";
/// Network commands: iproute2, net-tools, iputils, OpenSSH and clients.
const NETWORK: &str = "\
    arp arping bridge curl dig ftp git gpg host hostname ifconfig ip iptables netstat nft \
    nslookup openssl ping ping6 route rsync scp sftp ss ssh ssh-add ssh-agent ssh-copy-id \
    ssh-keygen ssh-keyscan sshd tc telnet tracepath traceroute wget whois";
/// Archives, text, editors, shells, and other commands that every distribution has.
const BASE: &str = "\
    apt apt-get as bash bunzip2 bzcat bzip2 c++ cc clear cpio cpp csh dash diff3 dnf doas dpkg \
    egrep fgrep fish g++ gawk gcc gunzip gzip halt init journalctl ksh ld ldconfig ldd less \
    locate loginctl mawk nano objdump pacman perl pip pip3 poweroff python python2 python3 \
    ranlib readelf reboot reset rpm ruby sdiff shutdown size sudo sudoedit systemctl tar tcsh \
    udevadm unxz unzip updatedb vim visudo which xz xzcat yum zip zsh";

/// Names of scripts for internal use of a project, which are published by mistake. On `PATH`, each
/// of them means something different to everybody.
const OF_PROJECTS: &str = "\
    app bench benchmark bootstrap build client config configure console debug demo deploy example \
    main profile release restart run script server setup start stop tests uninstall update upgrade";

/// Commands that every script uses. No other package may install them, even if people review the
/// packages.
const BASIC: [&str; 3] = [POSIX, COREUTILS, "bash perl su sudo"];

static ALL: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    [POSIX, COREUTILS, LINUX, NETWORK, BASE].into_iter().flat_map(str::split_whitespace).collect()
});

/// Whether `command` belongs to the system.
pub(super) fn is_system_command(command: &str) -> bool {
    ALL.contains(command)
}

/// Whether `command` belongs to the system and every script uses it.
pub(super) fn is_basic_command(command: &str) -> bool {
    BASIC.into_iter().flat_map(str::split_whitespace).any(|basic| basic == command)
}

/// Whether `command` is a word that many projects use for an internal script.
pub(super) fn is_project_script(command: &str) -> bool {
    OF_PROJECTS.split_whitespace().any(|word| word == command)
}
