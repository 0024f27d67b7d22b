#!/usr/bin/perl
# A hostile package: tries to get out of the sandbox, and prints one line for each attempt.
#
#     held <name>             refused, as it must be
#     OPEN <name>: <detail>   it worked, or came further than it may
#     done <number>           the last line: how many attempts were made
#
# Each attempt runs in a process of its own. None does harm where it works: settings are opened and
# not written, or written back as they were; calls that stop a machine get arguments that they refuse.
#
# Arguments are words of the form name=value; all may be absent:
#     network=1          the step has network
#     outside=FILE       a file outside that this user may read and write, in a folder of its own
#     socket=FILE        a listener on a path
#     abstract=NAME      a listener with an abstract name
#     pid=NUMBER         a process outside
#     tcp=PORT udp=PORT  services on loopback, which send a greeting
#     address=IP         another address of the machine, with the same services
#     mirror=PORT        a loopback mirror that the step may reach
#     names=A,B          names that the machine resolves to private addresses
#     core=1             the sandbox was started with a limit of 0 for core files
#     secret=TEXT        stands in variables that no step may see
#     token=TEXT         stands in the command lines of what tries to outlive the job
use strict;
use warnings;
use Fcntl;
use POSIX ();
use Socket;

$| = 1;
my %given = map { my ($name, $value) = split /=/, $_, 2; ($name => $value) } @ARGV;
my $network = $given{network} ? 1 : 0;
my $main = $$;
my $machine = (POSIX::uname())[4];
my $is_intel = $machine eq 'x86_64';
$is_intel || $machine eq 'aarch64' or do { print "cannot attack on $machine\n"; exit 3 };

# Numbers of system calls on x86_64 and aarch64; "-" where there is no such call.
my %NR;
for (split /\n/, <<'NUMBERS') {
acct 163 89
add_key 248 217
adjtimex 159 171
bpf 321 280
capset 126 91
chmod 90 -
chroot 161 51
clock_adjtime 305 266
clock_settime 227 112
clone 56 220
clone3 435 435
creat 85 -
delete_module 176 106
fanotify_init 300 262
fchmod 91 52
fchmodat 268 53
fchmodat2 452 452
finit_module 313 273
fsconfig 431 431
fsmount 432 432
fsopen 430 430
fspick 433 433
getpid 39 172
init_module 175 105
inotify_add_watch 254 27
inotify_init1 294 26
io_uring_enter 426 426
io_uring_register 427 427
io_uring_setup 425 425
ioperm 173 -
iopl 172 -
ioprio_set 251 30
kcmp 312 272
kexec_file_load 320 294
kexec_load 246 104
keyctl 250 219
linkat 265 37
memfd_secret 447 447
migrate_pages 256 238
mkdir 83 -
mkdirat 258 34
mknod 133 -
mknodat 259 33
modify_ldt 154 -
mount 165 40
mount_setattr 442 442
move_mount 429 429
move_pages 279 239
mq_open 240 180
mq_unlink 241 181
msgctl 71 187
msgget 68 186
msgrcv 70 188
msgsnd 69 189
name_to_handle_at 303 264
open 2 -
open_by_handle_at 304 265
open_tree 428 428
open_tree_attr 467 467
openat 257 56
openat2 437 437
perf_event_open 298 241
personality 135 92
pidfd_getfd 438 438
pidfd_open 434 434
pidfd_send_signal 424 424
pivot_root 155 41
prctl 157 167
prlimit64 302 261
process_madvise 440 440
process_mrelease 448 448
process_vm_readv 310 270
process_vm_writev 311 271
ptrace 101 117
quotactl 179 60
quotactl_fd 443 443
reboot 169 142
request_key 249 218
rt_sigqueueinfo 129 138
sched_setaffinity 203 122
sched_setattr 314 274
sched_setparam 142 118
sched_setscheduler 144 119
semctl 66 191
semget 64 190
semop 65 193
semtimedop 220 192
sendto 44 206
setdomainname 171 162
setgroups 116 159
sethostname 170 161
setns 308 268
setpriority 141 140
setresuid 117 147
setrlimit 160 164
settimeofday 164 170
setxattr 188 5
shmat 30 196
shmctl 31 195
shmget 29 194
socket 41 198
socketpair 53 199
swapoff 168 225
swapon 167 224
syslog 103 116
tgkill 234 131
umount2 166 39
unshare 272 97
userfaultfd 323 282
utimensat 280 88
vhangup 153 58
NUMBERS
    my ($name, $intel, $arm) = split ' ';
    my $number = $is_intel ? $intel : $arm;
    $NR{$name} = int $number if $number ne '-';
}

use constant { AT_FDCWD => -100, EPERM => 1, EACCES => 13, ENOSYS => 38 };
# Numbers must be numbers and texts texts: Perl passes the one by value and the other by address.
my @answer;    # the arguments as the kernel left them
sub call {
    my $name = shift;
    @answer = @_;
    if (!exists $NR{$name}) { $! = ENOSYS; return -1 }
    $! = 0;
    return syscall($NR{$name}, @answer);
}

# Refused before the kernel looks at the arguments.
sub refused {
    my ($name, @args) = @_;
    my $result = call($name, @args);
    return if $result == -1 && ($! == EPERM || $! == ENOSYS || $! == EACCES);
    return $result == -1 ? "$name came as far as: $!" : "$name gave $result";
}

my @attacks;
sub attack { my ($name, $try) = @_; push @attacks, [$name, $try] }
# A call that must be refused whatever its arguments.
sub refuse { my ($call, @args) = @_; attack("call-$call", sub { refused($call, @args) }) }

sub can_open {
    my ($path, $flags) = @_;
    sysopen(my $file, $path, $flags | O_NONBLOCK | O_NOCTTY) or return;
    return $file;
}
sub writable { can_open($_[0], O_WRONLY | O_NOFOLLOW) }
sub readable {
    my $file = can_open($_[0], O_RDONLY) or return;
    sysread($file, my $text, 65536) or return;
    return $text;
}
sub names { opendir(my $dir, $_[0]) or return; return grep { !/^\.\.?$/ } readdir $dir }
sub found { return @_ ? join(' ', @_ > 5 ? (@_[0 .. 4], 'and ' . (@_ - 5) . ' more') : @_) : undef }
# Paths of files in a folder, as deep as told, that $which holds for.
sub search {
    my ($dir, $depth, $which) = @_;
    my @found;
    for my $name (names($dir)) {
        my $path = "$dir/$name";
        lstat $path or next;
        next if -l _;
        if (-d _) { push @found, search($path, $depth - 1, $which) if $depth > 0 }
        elsif ($which->($path)) { push @found, $path }
    }
    return @found;
}

# ---- the kernel's files

attack('proc-sys', sub { found(search('/proc/sys', 8, \&writable)) });
attack('proc-core-pattern', sub {
    my $setting = '/proc/sys/kernel/core_pattern';
    my $value = readable($setting) or return;
    my $file = writable($setting) or return;
    return defined syswrite($file, $value) ? 'written' : undef;
});
attack('proc-top', sub {
    my @found = grep { -f && writable($_) } map { "/proc/$_" } names('/proc');
    for my $dir (grep { !/^(\d+|self|thread-self|sys)$/ } names('/proc')) {
        push @found, search("/proc/$dir", 6, \&writable) if -d "/proc/$dir" && !-l "/proc/$dir";
    }
    return found(@found);
});
attack('proc-self', sub { found(search("/proc/$$", 5, \&writable)) });
attack('proc-oom-score', sub { writable("/proc/$$/oom_score_adj") && 'can be opened' });
attack('proc-first-process', sub { found(search('/proc/1', 5, \&writable)) });
attack('sys', sub { found(search('/sys', 12, \&writable)) });
attack('sys-kernel-interfaces', sub {
    my @dirs = map { "/sys/kernel/$_" } qw(debug tracing security config boot_params);
    return found(grep { readable($_) } map { my $dir = $_; map { "$dir/$_" } names($dir) } @dirs[0, 1, 3]);
});
attack('kernel-log', sub { found(grep { can_open($_, O_RDONLY) } '/dev/kmsg', '/proc/kmsg') });
attack('kernel-log-call', sub { refused('syslog', 10, 0, 0) || refused('syslog', 3, ' ' x 256, 256) });
attack('kernel-memory', sub { found(grep { can_open($_, O_RDONLY) } qw(/proc/kcore /dev/mem /dev/kmem /dev/port)) });
attack('kernel-addresses', sub {
    open my $file, '<', '/proc/kallsyms' or return;
    while (<$file>) { return "shown: $_" if !/^0+ / }
    return;
});

# ---- other processes

sub session { my $stat = readable("/proc/$_[0]/stat") or return -1; $stat =~ s/.*\)//s; return (split ' ', $stat)[3] }
# The first process and all that are not of this job's session.
sub strangers { my $own = session($$); return grep { $_ == 1 || session($_) != $own } grep { /^\d+$/ } names('/proc') }
sub stranger_files {
    my ($which) = @_;
    return sub { found(grep { $which->($_) } map { my $pid = $_; "/proc/$pid" } strangers()) };
}
attack('process-memory', stranger_files(sub { can_open("$_[0]/mem", O_RDONLY) || can_open("$_[0]/mem", O_RDWR) }));
for my $file (qw(environ maps smaps auxv io syscall stack pagemap wchan)) {
    attack("process-$file", stranger_files(sub { my $text = readable("$_[0]/$file"); defined $text && $text ne '0' }));
}
for my $dir (qw(fd fdinfo map_files ns)) {
    # Names in ns say nothing; where they lead does.
    attack("process-$dir", stranger_files(sub { my $at = "$_[0]/$dir"; grep { defined readlink "$at/$_" or readable("$at/$_") } names($at) }));
}
for my $link (qw(root cwd exe)) { attack("process-$link", stranger_files(sub { defined readlink "$_[0]/$link" or names("$_[0]/$link/") })) }
attack('process-settings', stranger_files(sub { grep { writable($_[0] . "/$_") } qw(oom_score_adj comm clear_refs coredump_filter timerslack_ns attr/current) }));
attack('inject-into-first-process', sub {
    my $memory = can_open('/proc/1/mem', O_RDWR) or return;
    my $maps = readable('/proc/1/maps') // '';
    return 'its memory can be opened' if $maps !~ /^([0-9a-f]+)-\S+ rw.*\[stack\]/m;
    sysseek($memory, hex $1, 0);
    my $read = sysread($memory, my $bytes, 8) or return 'its memory can be opened';
    sysseek($memory, hex $1, 0);
    return 'its memory can be ' . (syswrite($memory, $bytes) ? 'written' : 'read');
});
for my $pid (grep { defined } 1, $main, $given{pid}) {
    my ($target, $name) = (int $pid, $pid == 1 ? 'first-process' : $pid == $main ? 'own-parent' : 'outside');
    attack("ptrace-$name", sub { refused('ptrace', 0x4206, $target, 1, 0) });
    attack("process-vm-$name", sub { refused('process_vm_readv', $target, 0, 0, 0, 0, 0) || refused('process_vm_writev', $target, 0, 0, 0, 0, 0) });
    attack("pidfd-getfd-$name", sub { my $fd = call('pidfd_open', $target, 0); refused('pidfd_getfd', $fd, 0, 0) });
    attack("limits-of-$name", sub { refused('prlimit64', $target, 4, 0, 0) });
    attack("priority-of-$name", sub { refused('setpriority', 9, $target, 5) || refused('ioprio_set', 9, $target, 0) });
    attack("scheduling-of-$name", sub {
        refused('sched_setaffinity', $target, 0, 0) || refused('sched_setscheduler', $target, -1, 0)
            || refused('sched_setparam', $target, 0) || refused('sched_setattr', $target, 0, 0);
    });
    attack("pages-of-$name", sub {
        my $moved = call('move_pages', $target, 0, 0, 0, 0, 0);
        return $target == $main || $moved == -1 ? undef : 'move_pages worked';
    });
}
refuse('ptrace', 0, 0, 0, 0);
refuse('kcmp', $$, 1, 0, 0, 0);
refuse('process_madvise', -1, 0, 0, 0, 0);
refuse('process_mrelease', -1, 0);
attack('signal-outside', sub {
    my $pid = int($given{pid} // 0) or return;
    return if -e "/proc/$pid" && session($pid) == session($$);
    return 'kill' if kill 0, $pid;
    return 'tgkill' if call('tgkill', $pid, $pid, 0) == 0;
    return 'rt_sigqueueinfo' if call('rt_sigqueueinfo', $pid, 0, "\0" x 128) == 0;
    my $fd = call('pidfd_open', $pid, 0);
    return 'pidfd_send_signal' if $fd >= 0 && call('pidfd_send_signal', $fd, 0, 0, 0) == 0;
    return;
});
attack('signal-strangers', sub { found(grep { $_ > 1 && kill 0, $_ } strangers()) });

# ---- privileges

my %status = map { /^(\w+):\s*(\S*)/ ? ($1 => $2) : () } split /\n/, readable("/proc/$$/status") // '';
attack('capabilities', sub { found(grep { ($status{$_} // 0) =~ /[1-9a-f]/ } qw(CapInh CapPrm CapEff CapAmb)) });
attack('new-privileges', sub { ($status{NoNewPrivs} // 0) == 1 ? undef : 'programs may gain privileges' });
attack('filter', sub { ($status{Seccomp} // 0) == 2 ? undef : 'system calls are not filtered' });
attack('filter-of-first-process', sub {
    my $first = readable('/proc/1/status') // '';
    # Where process 1 is the machine's, it has another session and other namespaces.
    return if ($first =~ /^NSpid:\s*1$/m) && strangers() > 1;
    return $first =~ /^Seccomp:\s*2/m ? undef : 'it has none';
});
attack('root-user', sub { $< == 0 || $> == 0 ? 'the job is root inside' : undef });
attack('set-user', sub { call('setresuid', 0, 0, 0) == 0 ? 'became root' : undef });
attack('set-groups', sub { call('setgroups', 1, pack('L', 0)) == 0 ? 'joined the group of root' : undef });
attack('raise-capabilities', sub {
    my $all = pack('L6', (0xffffffff) x 6);
    return call('capset', pack('LL', 0x20080522, 0), $all) == 0 ? 'capset worked' : undef;
});
attack('unset-no-new-privileges', sub { call('prctl', 38, 0, 0, 0, 0) == 0 ? 'worked' : undef });
attack('raise-limits', sub {
    my @raised = grep { call('prlimit64', 0, $_, pack('Q2', ~0, ~0), 0) == 0 } 1, 4, 6, 7;
    return @raised ? "limits @raised" : undef;
});
# A limit of 1 also keeps a program that the machine runs for each crash from being started.
attack('crash-handler', sub {
    call('prlimit64', 0, 4, 0, ' ' x 16) == 0 or return;
    my ($now, $most) = unpack 'Q2', $answer[3];
    # Who inherited none cannot have one.
    return if $most == 0 && $given{core};
    return "the limit of core files is $now" if $now != 1 || $most != 1;
    return refused('prlimit64', 0, 4, pack('Q2', 0, 0), 0) || refused('setrlimit', 4, pack('Q2', 0, 0));
});

# ---- namespaces and mounts

my %NAMESPACES = (time => 0x80, mount => 0x20000, cgroup => 0x2000000, uts => 0x4000000, ipc => 0x8000000, user => 0x10000000, pid => 0x20000000, net => 0x40000000);
for my $kind (sort keys %NAMESPACES) {
    my $flag = $NAMESPACES{$kind};
    attack("unshare-$kind", sub { refused('unshare', $flag) });
    next if $kind eq 'time';
    attack("clone-$kind", sub {
        my $made = call('clone', $flag | 17, 0, 0, 0, 0);
        POSIX::_exit(0) if $made == 0;
        return $made == -1 ? undef : 'made';
    });
}
attack('clone3-user', sub {
    my $made = call('clone3', pack('Q11', 0x10000000, 0, 0, 0, 17, (0) x 6), 88);
    POSIX::_exit(0) if $made == 0;
    return $made == -1 ? undef : 'made';
});
attack('setns', sub {
    for my $at (map { my $pid = $_; map { "/proc/$pid/ns/$_" } qw(mnt net pid user ipc uts cgroup time) } 1, $$) {
        my $file = can_open($at, O_RDONLY) or next;
        my $why = refused('setns', fileno $file, 0);
        return "$at: $why" if $why;
    }
    return;
});
refuse('mount', '/usr', '/no-such-folder', 'none', 4096, 0);
refuse('umount2', '/no-such-folder', 0);
refuse('pivot_root', '/no-such-folder', '/no-such-folder');
refuse('chroot', '.');
refuse('fsopen', 'tmpfs', 0);
refuse('fsconfig', -1, 6, 0, 0, 0);
refuse('fsmount', -1, 0, 0);
refuse('fspick', AT_FDCWD, '/', 0);
refuse('open_tree', AT_FDCWD, '/', 1);
refuse('open_tree_attr', AT_FDCWD, '/', 1, 0, 0);
refuse('move_mount', -1, '', AT_FDCWD, '/', 4);
refuse('mount_setattr', AT_FDCWD, '/no-such-folder', 0, pack('Q4', 0, 1, 0, 0), 32);

# ---- the kernel's most attacked parts

refuse('io_uring_setup', 8, "\0" x 120);
refuse('io_uring_enter', -1, 0, 0, 0, 0, 0);
refuse('io_uring_register', -1, 0, 0, 0);
refuse('bpf', 0, pack('L16', 2, 4, 4, 1, (0) x 12), 64);
refuse('perf_event_open', pack('LLQ14', 1, 120, (0) x 14), 0, -1, -1, 0);
refuse('userfaultfd', 1);
refuse('add_key', 'user', 'x', 'y', 1, -3);
refuse('request_key', 'user', 'x', 0, -3);
refuse('keyctl', 0, -3, 1);
refuse('memfd_secret', 0);
refuse('name_to_handle_at', AT_FDCWD, '/', pack('LL', 128, 0) . "\0" x 128, "\0" x 8, 0);
refuse('open_by_handle_at', -1, pack('LL', 8, 1) . "\0" x 128, 0);
refuse('fanotify_init', 0, 0);
refuse('modify_ldt', 0, "\0" x 16, 16) if $is_intel;
refuse('iopl', 3) if $is_intel;
refuse('ioperm', 0x80, 1, 1) if $is_intel;
attack('personality', sub { refused('personality', 0x0400000) });
attack('x32-calls', sub {
    return if !$is_intel;
    my $got = syscall(0x40000000 | $NR{getpid});
    return $got == -1 ? undef : "getpid gave $got";
});
attack('32-bit-calls', sub {
    return if !$is_intel;
    # getpid by the interrupt of 32-bit programs; exit code 0 where it is answered.
    my $code = pack 'H*', 'b814000000' . 'cd80' . '31ff' . '85c0' . '7902' . 'ffc7' . 'b83c000000' . '0f05';
    my $size = 120 + length $code;
    my $elf = pack('H32 SSLQQQLSSSSSS', '7f454c46020101' . '00' x 9, 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        . pack('LLQQQQQQ', 1, 5, 0, 0x400000, 0x400000, $size, $size, 4096) . $code;
    my $path = "interrupt-$$";
    sysopen(my $file, $path, O_WRONLY | O_CREAT | O_EXCL, 0700) or return;
    syswrite($file, $elf);
    close $file;
    my $pid = fork // return;
    if (!$pid) {
        { exec { "./$path" } $path }
        POSIX::_exit(9);
    }
    waitpid $pid, 0;
    my $ended = $?;
    unlink $path;
    return $ended == 0 ? 'getpid was answered' : undef;
});

# ---- the machine as a whole

refuse('reboot', 0, 0, 0, 0);
refuse('kexec_load', 0, 0, 0, 0xffff);
refuse('kexec_file_load', -1, -1, 0, 0, 0);
refuse('init_module', 0, 0, '');
refuse('finit_module', -1, '', 0);
refuse('delete_module', 'no-such-module', 0);
refuse('swapon', '/no-such-file', 0);
refuse('swapoff', '/no-such-file');
refuse('acct', '/no-such-file');
refuse('quotactl', 0x800001 << 8, 0, 0, 0);
refuse('quotactl_fd', -1, 0, 0, 0);
refuse('settimeofday', 0, 0);
refuse('clock_settime', 0, 0);
refuse('clock_adjtime', 0, 0);
attack('adjtimex', sub {
    call('adjtimex', "\0" x 208);
    my $now = $answer[0];
    substr($now, 0, 4) = pack 'L', 2;    # the frequency, as it is
    return refused('adjtimex', $now);
});
refuse('sethostname', 'x', -1);
refuse('setdomainname', 'x', -1);
attack('hang-up', sub { ($status{CapEff} // 0) =~ /[1-9a-f]/ ? 'not tried: there are capabilities' : refused('vhangup') });

# ---- communication between processes that outlives them

refuse('shmget', 0, 4096, 01600);
refuse('shmat', 0, 0, 010000);
refuse('shmctl', 0, 3, ' ' x 256);
refuse('msgget', 0, 01600);
refuse('msgsnd', 0, pack('q', 1) . ' ' x 8, 8, 04000);
refuse('msgrcv', 0, ' ' x 64, 8, 0, 04000);
refuse('msgctl', 0, 3, ' ' x 256);
refuse('semget', 0, 1, 01600);
refuse('semop', 0, pack('S3', 0, 0, 04000), 1);
refuse('semtimedop', 0, pack('S3', 0, 0, 04000), 1, 0);
refuse('semctl', 0, 0, 3, ' ' x 256);
refuse('mq_open', 'attack', 0102, 0600, 0);
refuse('mq_unlink', 'attack');

# ---- devices

attack('make-device', sub {
    my @made;
    for my $kind ([0020666, 0x103], [0060666, 0x800]) {
        my $path = "device-$$";
        push @made, sprintf('%o', $kind->[0]) if call('mknodat', AT_FDCWD, $path, @$kind) == 0;
        unlink $path;
    }
    return found(@made);
});
my %HARMLESS = map { $_ => 1 } qw(null zero full random urandom);
attack('devices', sub {
    my @found = grep { !-d && can_open($_, O_RDONLY) } map { "/dev/$_" } grep { !$HARMLESS{$_} && !/^(watchdog|std|fd)/ } names('/dev');
    push @found, grep { can_open($_, O_RDWR) } qw(/dev/tty /dev/ptmx /dev/net/tun /dev/fuse /dev/kvm /dev/vhost-vsock /dev/userfaultfd /dev/loop-control /dev/mapper/control);
    return found(@found);
});
attack('type-into-terminal', sub {
    my $byte = 'x';
    return ioctl(STDIN, 0x5412, $byte) ? 'TIOCSTI worked' : undef;
});
attack('feed-random-numbers', sub {
    my $file = can_open('/dev/random', O_RDWR) or return;
    my $entropy = pack('ii', 8, 0);
    return ioctl($file, 0x40085203, $entropy) ? 'worked' : undef;
});

# ---- set-user-ID and set-group-ID

my $made = 0;
# What $make makes at a path must not have either bit.
sub set_id {
    my ($name, $make) = @_;
    attack("set-id-$name", sub {
        my @found;
        for my $mode (04755, 02755) {
            my $path = 'set-id-' . $$ . '-' . $made++;
            $make->($path, $mode);
            my $got = (lstat $path)[2] // 0;
            push @found, sprintf('%o', $got) if $got & 06000;
            unlink $path or rmdir $path;
        }
        return found(@found);
    });
}
sub plain { sysopen(my $file, $_[0], O_RDWR | O_CREAT, 0644) or return; return $file }
set_id('open', sub { call('open', $_[0], O_CREAT | O_RDWR, $_[1]) });
set_id('openat', sub { call('openat', AT_FDCWD, $_[0], O_CREAT | O_RDWR, $_[1]) });
set_id('openat2', sub { call('openat2', AT_FDCWD, $_[0], pack('Q3', O_CREAT | O_RDWR, $_[1], 0), 24) });
set_id('creat', sub { call('creat', @_[0, 1]) });
set_id('unnamed', sub {
    my $fd = call('openat', AT_FDCWD, '.', 020000000 | O_DIRECTORY | O_RDWR, $_[1]);
    call('linkat', AT_FDCWD, "/proc/self/fd/$fd", AT_FDCWD, $_[0], 0x400) if $fd >= 0;
});
set_id('mkdir', sub { call('mkdir', @_[0, 1]) });
set_id('mkdirat', sub { call('mkdirat', AT_FDCWD, @_[0, 1]) });
set_id('mknod', sub { call('mknod', $_[0], 0100000 | $_[1], 0) });
set_id('mknodat', sub { call('mknodat', AT_FDCWD, $_[0], 0100000 | $_[1], 0) });
set_id('chmod', sub { plain($_[0]); call('chmod', @_[0, 1]) });
set_id('chmod-high-bits', sub { plain($_[0]); call('fchmodat', AT_FDCWD, $_[0], $_[1] | (0x7fff0001 << 16)) });
set_id('fchmod', sub { my $file = plain($_[0]); call('fchmod', fileno $file, $_[1]) });
set_id('fchmodat', sub { plain($_[0]); call('fchmodat', AT_FDCWD, @_[0, 1]) });
set_id('fchmodat2', sub { plain($_[0]); call('fchmodat2', AT_FDCWD, @_[0, 1], 0) });
set_id('folder', sub { mkdir $_[0]; call('fchmodat', AT_FDCWD, @_[0, 1]) });
set_id('rename', sub { plain("$_[0].old"); call('fchmodat', AT_FDCWD, "$_[0].old", $_[1]); rename "$_[0].old", $_[0] });
set_id('socket', sub {
    socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or return;
    call('fchmod', fileno $socket, $_[1]);
    bind $socket, pack_sockaddr_un($_[0]);
});
set_id('access-list', sub {
    plain($_[0]);
    my $list = pack('L', 2) . join '', map { pack 'SSL', $_->[0], $_->[1] | $_[1], 0xffffffff } [1, 7], [4, 5], [32, 5];
    call('setxattr', $_[0], 'system.posix_acl_access', $list, length $list, 0);
});
attack('file-capabilities', sub {
    my $path = "capable-$$";
    plain($path);
    my $value = pack 'L5', 0x02000001, 0xffffffff, 0, 0xffffffff, 0;
    my $set = grep { call('setxattr', $path, $_, $value, length $value, 0) == 0 } 'security.capability', 'trusted.attack', 'security.ima';
    unlink $path;
    return $set ? 'set' : undef;
});

# ---- control groups

attack('control-groups', sub {
    my @files = qw(cgroup.procs cgroup.threads tasks release_agent notify_on_release cgroup.subtree_control memory.max memory.limit_in_bytes pids.max);
    my %is = map { $_ => 1 } @files;
    my @roots = ('/sys/fs/cgroup', map { /^(?:\S+ ){4}(\S+) .* - cgroup2? / ? $1 : () } split /\n/, join '', map { readable($_) // '' } '/proc/self/mountinfo');
    my @found = map { search($_, 6, sub { $_[0] =~ m{([^/]+)$} && $is{$1} && writable($_[0]) }) } @roots;
    for my $dir (@roots, map { "/sys/fs/cgroup/$_" } qw(memory pids cpu unified)) {
        push @found, "$dir/new" if mkdir "$dir/attack";
        rmdir "$dir/attack";
    }
    return found(@found);
});

# ---- files of others

for my $file (qw(/etc/shadow /etc/gshadow /etc/sudoers /root/.bashrc /root/.profile /root/.npmrc /root/.netrc /root/.cargo/credentials.toml /root/.docker/config.json)) {
    attack("read-$file", sub { can_open($file, O_RDONLY) && 'can be opened' });
}
attack('read-keys', sub { found(map { my $dir = $_; grep { can_open($_, O_RDONLY) && !-d } map { "$dir/$_" } names($dir) } qw(/etc/ssl/private /root/.ssh /var/lib/private /run/secrets /var/run/secrets)) });
attack('read-homes', sub { found(grep { index($ENV{HOME} // '', $_) != 0 && names($_) } map { "/home/$_" } names('/home')) });
attack('read-logs', sub { found(grep { -f && can_open($_, O_RDONLY) } map { "/var/log/$_" } names('/var/log')) });
attack('read-through-roots', sub { found(grep { can_open("$_/etc/shadow", O_RDONLY) } map { ("/proc/$_/root", "/proc/$_/cwd/../../../../..") } 1, 'self', 'thread-self', $$) });
attack('write-system', sub {
    my @found = map { writable($_) ? $_ : () } qw(/usr/bin/perl /bin/sh /etc/passwd /etc/ld.so.cache /etc/hosts /etc/resolv.conf);
    for my $dir ('', qw(/usr /usr/bin /usr/local/bin /etc /dev /run /var /var/tmp /lib /opt /proc /sys /root /home)) {
        push @found, "$dir/" if sysopen(my $file, "$dir/attack-$$", O_WRONLY | O_CREAT | O_EXCL, 0600);
        unlink "$dir/attack-$$";
    }
    return found(@found);
});
attack('change-system', sub {
    my @found;
    for my $path (qw(/usr/bin/perl /usr /etc /etc/passwd /bin/sh)) {
        my $mode = (stat $path)[2] // next;
        push @found, "mode of $path" if call('fchmodat', AT_FDCWD, $path, $mode & 0777) == 0;
    }
    return found(@found);
});
attack('write-own-runner', sub { found(grep { can_open($_, O_WRONLY) } '/proc/1/exe', '/proc/self/exe', '/proc/' . getppid() . '/exe', '/run/sandbox-confine') });
attack('inherited-files', sub {
    my @found;
    for my $fd (grep { $_ > 2 } names("/proc/$main/fd")) {
        my $to = readlink "/proc/$main/fd/$fd" // next;
        push @found, "$fd -> $to" if $to !~ m{attacks|^/proc/|^pipe:} && $to ne '/dev/null';
    }
    return found(@found);
});
if (my $outside = $given{outside}) {
    my ($dir) = $outside =~ m{^(.*)/};
    attack('outside-read', sub { readable($outside) });
    attack('outside-write', sub { can_open($outside, O_WRONLY) && 'can be opened' });
    attack('outside-truncate', sub { truncate($outside, 5) ? 'truncated' : undef });
    attack('outside-link', sub { link($outside, "linked-$$") ? 'linked' : undef });
    my ($base) = $outside =~ m{([^/]+)$};
    attack('outside-list', sub { found(grep { $_ eq $base } names($dir)) });
    attack('outside-create', sub { -e $outside && (sysopen(my $file, "$dir/attack-$$", O_WRONLY | O_CREAT, 0600) || mkdir("$dir/attack-$$") || symlink('/', "$dir/attack-$$")) ? 'made' : undef });
    attack('outside-mode', sub { chmod(0777, $outside) ? 'changed' : undef });
    attack('outside-owner', sub { chown($<, -1, $outside) ? 'changed' : undef });
    attack('outside-times', sub { utime(1, 1, $outside) ? 'changed' : undef });
    attack('outside-attributes', sub { call('setxattr', $outside, 'user.attack', 'x', 1, 0) == 0 ? 'set' : undef });
    attack('outside-through-link', sub { symlink($outside, "way-$$"); can_open("way-$$", O_RDONLY) && 'can be opened' });
    attack('outside-through-proc', sub { found(grep { can_open("$_$outside", O_RDONLY) } '/proc/self/root', '/proc/1/root', '/proc/self/task/' . $$ . '/root') });
    attack('outside-rename', sub { rename($outside, "taken-$$") ? 'moved here' : undef });
    attack('outside-remove', sub { unlink($outside) ? 'removed' : undef });
    attack('outside-from-below', sub { chdir '..'; found(grep { /outside|secret|docker/ } names('.'), names('..')) });
}
attack('environment', sub {
    my @found = grep { /_PROXY$|TOKEN|SECRET|PASSWORD|^SSH_|^AWS_|^GITHUB_/i && !$network } keys %ENV;
    my $secret = $given{secret};
    push @found, grep { defined $secret && index($ENV{$_}, $secret) >= 0 } keys %ENV if !$network;
    return found(@found);
});

# ---- sockets

sub made_socket {
    my ($family, $type, $protocol) = @_;
    my $fd = call('socket', $family, $type, $protocol);
    POSIX::close($fd) if $fd >= 0;
    return $fd >= 0 ? "family $family, kind $type, protocol $protocol" : ();
}
my %FAMILIES = (ax25 => 3, ipx => 4, appletalk => 5, netrom => 6, bridge => 7, atmpvc => 8, x25 => 9, rose => 11, key => 15, packet => 17, econet => 19, atmsvc => 20, rds => 21, pppox => 24, llc => 26, infiniband => 27, mpls => 28, can => 29, tipc => 30, bluetooth => 31, iucv => 32, rxrpc => 33, isdn => 34, phonet => 35, ieee802154 => 36, caif => 37, alg => 38, nfc => 39, vsock => 40, kcm => 41, qipcrtr => 42, smc => 43, xdp => 44, mctp => 45);
for my $name (sort keys %FAMILIES) {
    my $family = $FAMILIES{$name};
    attack("socket-$name", sub { found(map { my $type = $_; map { made_socket($family, $type, $_) } 0, 1, 2, 3 } 1 .. 6, 10) });
}
attack('socket-netlink', sub { found(map { my $kind = $_; map { made_socket(16, $_, $kind) } 2, 3 } 1 .. 31) });
attack('change-interfaces', sub {
    socket(my $netlink, 16, SOCK_RAW, 0) or return;
    setsockopt($netlink, SOL_SOCKET, SO_RCVTIMEO, pack('qq', 2, 0));
    # Switches loopback on: RTM_NEWLINK, acknowledged, with IFF_UP.
    send($netlink, pack('LSSLL CCSlLL', 32, 16, 5, 1, 0,  0, 0, 1, 1, 1), 0) or return;
    recv($netlink, my $answer, 256, 0);
    my $error = length($answer // '') >= 20 ? unpack('l', substr $answer, 16, 4) : -1;
    return $error == 0 ? 'loopback was switched' : undef;
});
my @internet = map { my $family = $_; map { [$family, @$_] } [1, 0], [1, 6], [2, 0], [2, 17] } AF_INET, AF_INET6;
attack('socket-internet', sub { found(map { made_socket(@$_) } @internet) }) if !$network;
attack('socket-raw', sub { found(map { my $family = $_; map { made_socket($family, 3, $_) } 0, 1, 6, 17, 58, 255 } AF_INET, AF_INET6) });
attack('socket-ping', sub { found(made_socket(AF_INET, 2, 1), made_socket(AF_INET6, 2, 58)) });
attack('socket-other-protocols', sub {
    found(map { my $family = $_; map { my $type = $_; map { made_socket($family, $type, $_) } 33, 115, 132, 136, 262, 256 } 1, 2, 5, 6 } AF_INET, AF_INET6);
});
attack('socket-local-datagram', sub { found(made_socket(AF_UNIX, 2, 0), made_socket(AF_UNIX, 3, 0)) });
attack('socket-local', sub { found(map { made_socket(AF_UNIX, $_, 0) } 1, 5) }) if $network;
attack('socket-pair-datagram', sub {
    my $pair = ' ' x 8;
    return found(grep { call('socketpair', AF_UNIX, $_, 0, $pair) == 0 } 2, 3, 2 | 02000000);
});
attack('socket-pair-other', sub { my $pair = ' ' x 8; found(grep { call('socketpair', $_, 1, 0, $pair) == 0 } 2, 10, 30) });

# ---- services outside

sub connect_to {
    my ($family, $address, $type) = @_;
    socket(my $socket, $family, $type // SOCK_STREAM, 0) or return;
    return $socket if connect $socket, $address;
    return;
}
attack('service-abstract', sub {
    my $name = $given{abstract} // return;
    for my $type (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM) {
        return "kind $type" if connect_to(AF_UNIX, pack('S', AF_UNIX) . "\0$name", $type);
    }
    return;
});
attack('service-path', sub { my $path = $given{socket} // return; connect_to(AF_UNIX, pack_sockaddr_un($path)) && 'connected' });
attack('service-well-known', sub {
    found(grep { connect_to(AF_UNIX, pack_sockaddr_un($_)) } qw(/run/docker.sock /var/run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock /run/dbus/system_bus_socket /run/systemd/private /run/systemd/notify /run/snapd.socket /run/nscd/socket /tmp/.X11-unix/X0 /run/user/0/bus /run/user/1000/bus /dev/log), split /:/, $ENV{SSH_AUTH_SOCK} // '');
});
attack('service-listed', sub {
    open my $file, '<', '/proc/net/unix' or return;
    my @paths = map { /\s(\@?[^\s]+)$/ && $1 =~ m{^[@/]} ? $1 : () } <$file>;
    return found(grep { my $at = $_; my $name = $at =~ s/^\@/\0/r; length $name < 100 && connect_to(AF_UNIX, pack('S', AF_UNIX) . $name) } @paths[0 .. ($#paths > 199 ? 199 : $#paths)]);
});

sub waits { my ($socket, $write) = @_; my $bits = ''; vec($bits, fileno $socket, 1) = 1;
    return $write ? select(undef, $bits, undef, 2) : select($bits, undef, undef, 2) }
# What is said at an address: the greeting, '' where a connection is made and nothing is said, undef
# where none is made; $! says why.
sub said {
    my ($family, $address, $fast) = @_;
    socket(my $socket, $family, SOCK_STREAM, 0) or return;
    fcntl($socket, F_SETFL, O_NONBLOCK);
    if ($fast) { call('sendto', fileno $socket, "x\n", 2, 0x20000000 | 0x4000, $address, length $address) }
    else { connect $socket, $address }
    return if $! && !$!{EINPROGRESS};
    if (!waits($socket, 1)) { $! = POSIX::ETIMEDOUT(); return }
    my $error = unpack 'i', getsockopt($socket, SOL_SOCKET, SO_ERROR);
    if ($error) { $! = $error; return }
    syswrite($socket, "GET / HTTP/1.0\r\n\r\n");
    my $text = '';
    sysread($socket, $text, 200) if waits($socket, 0);
    return $text // '';
}
# Nobody answers there. On loopback the sandbox itself may listen, and say nothing.
sub silent { my ($family, $address, $fast) = @_; my $text = said($family, $address, $fast);
    return defined $text && length $text ? 'said: ' . ($text =~ s/\s+/ /gr) : undef }
# There is no way to it at all.
my %REFUSED = map { $_ => 1 } EPERM, EACCES, POSIX::ENETUNREACH(), POSIX::EHOSTUNREACH(), POSIX::EADDRNOTAVAIL(), POSIX::EINVAL(), POSIX::EAFNOSUPPORT(), ENOSYS;
sub unreachable {
    my ($family, $address, $fast) = @_;
    my $text = said($family, $address, $fast);
    return 'a connection is made' if defined $text;
    return $REFUSED{$! + 0} ? undef : "not refused: $!";
}
sub v4 { pack_sockaddr_in($_[1], inet_aton($_[0])) }
sub v6 { pack_sockaddr_in6($_[1], Socket::inet_pton(AF_INET6, $_[0])) }
for my $port (grep { defined } $given{tcp}, 22, 25, 111, 631, 2375, 5432, 6379, 8080, 9200, 11434) {
    attack("loopback-port-$port", sub { silent(AF_INET, v4('127.0.0.1', $port)) || silent(AF_INET6, v6('::1', $port)) || silent(AF_INET, v4('127.0.0.2', $port)) });
}
if (my $port = $given{tcp}) {
    attack('loopback-spellings', sub {
        for my $address (qw(0.0.0.0 127.1.2.3 127.0.1.1 127.255.255.254)) { my $why = silent(AF_INET, v4($address, $port)); return "$address $why" if $why }
        for my $address (qw(:: ::1 ::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::7f00:1)) { my $why = silent(AF_INET6, v6($address, $port)); return "$address $why" if $why }
        return;
    });
    attack('loopback-fast-open', sub { silent(AF_INET, v4('127.0.0.1', $port), 1) });
}
attack('loopback-http', sub {
    for my $port (80, 443) { for my $address (qw(127.0.0.1 127.0.0.53 127.77.0.1 0.0.0.0)) { my $why = silent(AF_INET, v4($address, $port)); return "$address:$port $why" if $why } }
    return;
});
attack('loopback-datagram', sub {
    my $port = $given{udp} // return;
    for my $address (grep { defined && length } '127.0.0.1', $given{address}) {
        socket(my $socket, AF_INET, SOCK_DGRAM, 0) or return;
        send($socket, 'hello', 0, v4($address, $port)) or next;
        my $text = '';
        recv($socket, $text, 100, 0) if waits($socket, 0);
        return "$address answered" if length $text;
    }
    return;
});
if (my $address = $given{address}) {
    attack('own-address', sub { my ($at) = grep { unreachable(AF_INET, v4($address, $_)) } grep { defined } 80, 443, $given{tcp}; defined $at ? "$address:$at" : undef });
    attack('own-address-fast-open', sub { unreachable(AF_INET, v4($address, $given{tcp} // 80), 1) });
}
# All known services that tell a machine of a cloud its keys answer on port 80.
for my $address (qw(169.254.169.254 169.254.170.2 100.100.100.200 192.0.0.192 168.63.129.16)) {
    attack("metadata-$address", sub { unreachable(AF_INET, v4($address, 80)) });
    attack("metadata-fast-open-$address", sub { unreachable(AF_INET, v4($address, 80), 1) });
}
my %PRIVATE = ('169.254.169.254' => 'aws', '169.254.170.2' => 'ecs', '169.254.169.253' => 'aws-resolver', '100.100.100.200' => 'alibaba', '192.0.0.192' => 'oracle', '168.63.129.16' => 'azure', '10.0.0.1' => 'ten', '172.16.0.1' => 'sixteen', '172.17.0.1' => 'docker', '192.168.0.1' => 'home', '100.64.0.1' => 'shared', '198.51.100.1' => 'no-such-network', '224.0.0.1' => 'multicast', '255.255.255.255' => 'broadcast');
for my $address (sort keys %PRIVATE) {
    attack("private-$PRIVATE{$address}", sub { unreachable(AF_INET, v4($address, 80)) || unreachable(AF_INET, v4($address, 443)) });
}
for my $address (qw(fd00:ec2::254 fd20:ce::254 fe80::1 fc00::1 fec0::1 ::ffff:169.254.169.254 ::ffff:10.0.0.1 ::169.254.169.254 64:ff9b::a9fe:a9fe 64:ff9b:1::a00:1 2002:a9fe:a9fe::1 2002:7f00:1::1)) {
    attack("private-$address", sub { unreachable(AF_INET6, v6($address, 80)) });
}
for my $port (1, 22, 25, 53, 8080, 6443) { attack("public-port-$port", sub { unreachable(AF_INET, v4('1.1.1.1', $port)) }) }
attack('public-fast-open', sub { unreachable(AF_INET, v4('1.1.1.1', 22), 1) });
attack('public-datagram', sub {
    socket(my $socket, AF_INET, SOCK_DGRAM, 0) or return;
    return found(grep { defined send($socket, 'x', 0, v4($_->[0], $_->[1])) && "@$_" } ['1.1.1.1', 53], ['8.8.8.8', 443], ['169.254.169.253', 53]) && 'sent';
});

# Asks the name server that the step has, without any library that would answer by itself.
sub resolve {
    my ($name) = @_;
    my @found = map { inet_ntoa($_) } grep { defined } (gethostbyname($name))[4 .. 8];
    socket(my $socket, AF_INET, SOCK_DGRAM, 0) or return @found;
    my $question = pack('n6', 7, 0x100, 1, 0, 0, 0) . join('', map { pack 'C/a*', $_ } split /\./, $name) . pack('Cnn', 0, 1, 1);
    send($socket, $question, 0, v4('127.0.0.1', 53)) or return @found;
    my $answer = '';
    recv($socket, $answer, 1500, 0) if waits($socket, 0);
    push @found, inet_ntoa(substr $answer, -4) if length $answer > length $question && unpack('x6n', $answer);
    return @found;
}
my @names = grep { length } qw(localhost localhost.localdomain ip6-localhost 127.0.0.1 2130706433 0x7f000001 0177.0.0.1 127.1 169.254.169.254 2852039166 0xa9fea9fe metadata.google.internal metadata host.docker.internal gateway.docker.internal kubernetes.default.svc), (POSIX::uname())[1], split /,/, $given{names} // '';
if ($network) {
    for my $name (@names) {
        attack("name-$name", sub {
            for my $address (resolve($name)) {
                for my $port (grep { defined } 80, 443, $given{tcp}, $given{mirror}) {
                    # The mirror by its own address is what may be reached.
                    next if "$address $name" =~ /127\.0\.0\.1/ && $port == ($given{mirror} // 0);
                    my $why = silent(AF_INET, v4($address, $port));
                    return "$address:$port $why" if $why;
                }
            }
            return;
        });
    }
}

# ---- what is to stay behind

my $token = $given{token};
sub ignore_signals { $SIG{$_} = 'IGNORE' for qw(HUP INT QUIT TERM USR1 USR2 PIPE ALRM TSTP TTIN TTOU XCPU) }
sub leave_behind {
    my ($how) = @_;
    my $first = fork // return;
    if (!$first) {
        POSIX::setsid();
        my $second = $how eq 'sibling' ? call('clone', 0x8000 | 17, 0, 0, 0, 0) : fork;
        POSIX::_exit(0) if $second;
        POSIX::setsid();
        ignore_signals();
        open STDOUT, '>', '/dev/null' if $how ne 'loud';
        open STDERR, '>', '/dev/null' if $how ne 'loud';
        if ($how eq 'hopping') {
            # Changes its process id all the time; ends by itself.
            $0 = "hopping $token";
            my $until = time + 60;
            while (time < $until) { select(undef, undef, undef, 0.01); my $next = fork // next; POSIX::_exit(0) if $next }
            POSIX::_exit(0);
        }
        { exec { $^X } $^X, '-e', 'sleep 240', $token, $how }
        POSIX::_exit(0);
    }
    waitpid $first, 0;
}

# ---- all of it

sub try_attack {
    my ($name, $try) = @_;
    pipe(my $read, my $write) or die "no pipe: $!";
    my $pid = fork // die "no process: $!";
    if (!$pid) {
        close $read;
        alarm 100;
        my $why = eval { $try->() };
        $why = "the attack broke: $@" if $@;
        print $write defined $why && length $why ? $why =~ s/[^ -~]+/ /gr : '';
        close $write;
        POSIX::_exit(0);
    }
    close $write;
    my $why = join '', <$read>;
    waitpid $pid, 0;
    $why = "the attack was ended by signal $?" if $? && !length $why;
    print length $why ? "OPEN $name: $why\n" : "held $name\n";
}

try_attack(@$_) for @attacks;
if (defined $given{mirror}) {
    my $text = said(AF_INET, v4('127.0.0.1', $given{mirror}));
    print defined $text && length $text ? "works mirror\n" : "broken mirror\n" if $network;
}
if (defined $token) { leave_behind($_) for qw(quiet loud sibling hopping) }
print 'done ' . @attacks . "\n";
