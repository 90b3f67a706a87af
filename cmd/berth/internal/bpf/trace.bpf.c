//go:build ignore

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What the kernel counts for berth trace. It is compiled by go generate, and the
// objects are committed, so that nobody who builds berth needs clang.
//
// Only kinds of programs are used that work without kprobes, tracefs and root:
// raw tracepoints, uprobes, a sockops program and two that berth calls itself.
// Kernel structs are declared here with the fields that are read, and found in
// the running kernel by its BTF (CO-RE).
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char __license[] SEC("license") = "Dual BSD/GPL";

#define CORE __attribute__((preserve_access_index))

struct in6_addr {
	__u8 bytes[16];
};

struct sock_common {
	__be32 skc_daddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
} CORE;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u8 sk_shutdown;
	int sk_err;
} CORE;

struct inet_sock {
	__be16 inet_sport;
} CORE;

struct tcp_sock {
	__u32 data_segs_out;
} CORE;

struct socket {
	struct sock *sk;
} CORE;

struct inode {
	unsigned short i_mode;
} CORE;

struct file {
	struct inode *f_inode;
	void *private_data;
} CORE;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} CORE;

struct files_struct {
	struct fdtable *fdt;
} CORE;

struct upid {
	int nr;
	void *ns;
} CORE;

struct pid {
	unsigned int level;
	struct upid numbers[0];
} CORE;

struct task_struct {
	unsigned int flags;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct files_struct *files;
} CORE;

// States of include/net/tcp_states.h.
enum {
	ESTABLISHED = 1,
	SYN_SENT = 2,
	FIN_WAIT1 = 4,
	CLOSE = 7,
	CLOSE_WAIT = 8,
	LAST_ACK = 9,
};

#define IPPROTO_TCP 6
#define AF_INET 2
#define AF_INET6 10
#define EADDRNOTAVAIL 99
#define ECANCELED 125
#define SHUTDOWN_MASK 3
#define PF_EXITING 4
#define S_IFMT 0170000
#define S_IFSOCK 0140000

// settings is what berth asks for. Process ids are those of its pid namespace.
struct settings {
	__u64 ns;    // our pid namespace, which who_are_we fills in
	__u32 level; // and how deep it is
	__u32 self;  // berth, which is never traced
	__u8 all;
	__u8 cgroup; // watch what runs in the cgroup of the map cgroups
	__u8 follow; // watch what a watched process forks
	__u8 pad[5];
};

// endpoint is a process and where it connects to. IPv4 is mapped into IPv6.
struct endpoint {
	__u8 addr[16];
	__u16 port;
	__u16 pad;
	__u32 tgid;
};

// BUCKETS of durations: bucket i counts those of 2^i to 2^(i+1) microseconds.
#define BUCKETS 40

struct group {
	__u64 begun; // connects that were tried
	__u64 established;
	__u64 by_us; // of the established: this side sent the first FIN
	__u64 by_peer;
	__u64 reset;
	__u64 left; // open when the process ended, and closed by that
	__u64 segments; // of data, that those which ended have sent
	__u64 open;
	__u64 peak; // of open
	__u64 life[BUCKETS];
	__u64 search[BUCKETS]; // of a local port
	__u8 comm[16];
};

// conn is a connection that a watched process opened since we watch.
struct conn {
	struct endpoint to;
	__u64 caller; // of the function that made the system call
	__u64 begun;
	__u64 established;
	__u64 segments; // filled in by sweep
	__s32 stack;   // of connect()
	__u8 weight;   // how many connects the stack stands for; zero is that none was taken
	__u8 ended;    // somebody closed it
	__u8 placed;   // a library said which call wanted it
	__u8 reasoned; // a library said why it is closed
};

// Of a process that connects very often to one destination, the stack is taken
// of one in EVERY, by chance, after the first ones: it is half of what a connection
// costs us.
#define FIRST 1024
#define EVERY 16

enum { BY_CONNECT, BY_HTTP, BY_BERTH };

// caller is what a walk along frame pointers leaves out: the C library's
// connect() has no frame of its own, so that its return address is on top of the
// stack, and the walk begins with the frame of who called it.
struct site {
	struct endpoint to;
	__u64 caller;
	__s32 stack;
	__u32 by;
};

struct site_count {
	__u64 connections;
	__u64 failed;
};

struct failure {
	struct endpoint to;
	__u32 errno;
	__u32 pad;
};

#define REASON 72

struct reason {
	struct endpoint to;
	char text[REASON];
};

// call is a request that waits for a dial, by the library's own object for it.
struct call_key {
	__u64 object;
	__u32 tgid;
	__u32 pad;
};

struct call {
	__u64 transport;
	__s64 max_idle; // Transport.MaxIdleConnsPerHost, -1 where it is not known
	__s32 stack;
	__u8 no_keepalive; // Transport.DisableKeepAlives
	__u8 by;
	__u8 pad[2];
};

struct transport_key {
	struct site site;
	__u64 transport;
};

struct transport {
	__u64 connections;
	__s64 max_idle;
	__u64 no_keepalive;
};

// news tells berth of a process that connects somewhere for the first time, or
// that executes a program, while it still runs.
struct news {
	__u32 tgid;
	__u32 executes;
};

const struct news *news_type __attribute__((unused)); // for bpf2go

enum { LOST_CONN, LOST_STACK, LOST_GROUP, LOST_NEWS, LOST };

#define TABLE(NAME, KIND, KEY, VALUE, ENTRIES)        \
	struct {                                      \
		__uint(type, KIND);                   \
		__uint(max_entries, ENTRIES);         \
		__type(key, KEY);                     \
		__type(value, VALUE);                 \
	} NAME SEC(".maps")

TABLE(config, BPF_MAP_TYPE_ARRAY, __u32, struct settings, 1);
TABLE(cgroups, BPF_MAP_TYPE_CGROUP_ARRAY, __u32, __u32, 1);
TABLE(lost, BPF_MAP_TYPE_ARRAY, __u32, __u64, LOST);
TABLE(calls, BPF_MAP_TYPE_LRU_HASH, struct call_key, struct call, 8192);
TABLE(targets, BPF_MAP_TYPE_HASH, __u32, __u8, 32768);
TABLE(groups, BPF_MAP_TYPE_HASH, struct endpoint, struct group, 8192);
TABLE(sites, BPF_MAP_TYPE_HASH, struct site, struct site_count, 16384);
TABLE(failures, BPF_MAP_TYPE_HASH, struct failure, __u64, 4096);
TABLE(reasons, BPF_MAP_TYPE_HASH, struct reason, __u64, 8192);
TABLE(transports, BPF_MAP_TYPE_HASH, struct transport_key, struct transport, 8192);

// conns is by the address of the kernel's struct sock, rather than in the
// socket's own storage: a uprobe finds a socket by an address that it read, and
// that is no pointer by which the verifier lets it have the storage.
TABLE(conns, BPF_MAP_TYPE_HASH, __u64, struct conn, 65536);

// A stack has the place that its hash says, and the second one for a place is
// lost: of 500 stacks that are four.
#define DEPTH 96
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 32768);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, DEPTH * sizeof(__u64));
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} arrivals SEC(".maps");

static __always_inline void lose(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&lost, &what);
	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline struct settings *our_settings(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&config, &zero);
}

static __always_inline void number_of(struct task_struct *task, __u32 level, struct upid *u)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	void *numbers = __builtin_preserve_access_index(&pid->numbers);
	u->nr = 0;
	u->ns = 0;
	if (level <= BPF_CORE_READ(pid, level))
		bpf_probe_read_kernel(u, sizeof(*u), numbers + (level & 31) * sizeof(*u));
}

// tgid_of is the process's id in berth's pid namespace; zero if it has none.
static __always_inline __u32 tgid_of(struct settings *s, struct task_struct *task)
{
	struct upid u;
	number_of(task, s->level, &u);
	return (__u64)u.ns == s->ns ? u.nr : 0;
}

// watched is the id of the process that runs, if it is one that we watch.
static __always_inline __u32 watched(struct settings *s)
{
	// In the first pid namespace the number is at hand.
	__u32 tgid = s->level ? tgid_of(s, (void *)bpf_get_current_task()) : bpf_get_current_pid_tgid() >> 32;
	if (!tgid || tgid == s->self)
		return 0;
	if (s->all || bpf_map_lookup_elem(&targets, &tgid))
		return tgid;
	if (s->cgroup && bpf_current_task_under_cgroup(&cgroups, 0) == 1)
		return tgid;
	return 0;
}

static __always_inline void announce(__u32 tgid, __u32 executes)
{
	struct news *n = bpf_ringbuf_reserve(&arrivals, sizeof(*n), 0);
	if (!n) {
		lose(LOST_NEWS);
		return;
	}
	n->tgid = tgid;
	n->executes = executes;
	bpf_ringbuf_submit(n, 0);
}

static __always_inline __u64 kernel_word(void *at)
{
	__u64 v = 0;
	bpf_probe_read_kernel(&v, sizeof(v), at);
	return v;
}

static __always_inline __u64 word(__u64 at)
{
	__u64 v = 0;
	bpf_probe_read_user(&v, sizeof(v), (void *)at);
	return v;
}

// Registers of the running process, and the arguments of Go functions in them, by the register ABI of Go 1.17 and later. Of an
// interface the first word is the type, of a string the second is the length.
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	__u64 orig_ax, ip, cs, flags, sp, ss;
};
#define ARG1(r) ((r)->ax)
#define ARG2(r) ((r)->bx)
#define ARG3(r) ((r)->cx)
#define ARG4(r) ((r)->di)
#define CALLER(r) word(kernel_word(&(r)->sp))
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 sp, pc, pstate;
};
#define ARG1(r) ((r)->regs[0])
#define ARG2(r) ((r)->regs[1])
#define ARG3(r) ((r)->regs[2])
#define ARG4(r) ((r)->regs[3])
#define CALLER(r) kernel_word(&(r)->regs[30])
#else
#error "no Go calling convention for this architecture"
#endif

static __always_inline __u64 top_of_stack(void)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return CALLER(regs);
}

static __always_inline __s32 stack_of(void *ctx)
{
	__s32 id = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP);
	if (id == -17) // EEXIST: another stack has its place
		lose(LOST_STACK);
	return id < 0 ? -1 : id;
}

static __always_inline void destination(struct sock *sk, struct endpoint *to)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_INET) {
		__be32 addr = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		to->addr[10] = to->addr[11] = 0xff;
		__builtin_memcpy(to->addr + 12, &addr, 4);
	} else {
		BPF_CORE_READ_INTO(&to->addr, sk, __sk_common.skc_v6_daddr);
	}
	to->port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline struct group *group_of(struct endpoint *to)
{
	struct group *g = bpf_map_lookup_elem(&groups, to);
	if (!g)
		lose(LOST_GROUP);
	return g;
}

static __always_inline __u32 bucket(__u64 ns)
{
	__u64 us = ns / 1000;
	__u32 b = 0;
#pragma unroll
	for (int shift = 32; shift; shift >>= 1)
		if (us >> shift) {
			us >>= shift;
			b += shift;
		}
	return b < BUCKETS ? b : BUCKETS - 1;
}

static __always_inline void count(void *histogram, __u64 ns)
{
	__u32 b = bucket(ns);
	if (b < BUCKETS)
		__sync_fetch_and_add((__u64 *)histogram + b, 1);
}

static __always_inline struct site_count *site_of(struct endpoint *to, __u64 caller, __s32 stack, __u32 by)
{
	struct site key = {.to = *to, .caller = caller, .stack = stack, .by = by};
	struct site_count *n = bpf_map_lookup_elem(&sites, &key);
	if (!n) {
		struct site_count none = {};
		bpf_map_update_elem(&sites, &key, &none, BPF_NOEXIST);
		n = bpf_map_lookup_elem(&sites, &key);
	}
	if (!n)
		lose(LOST_GROUP);
	return n;
}

// A group is larger than a program's stack, so a new one comes from here.
TABLE(empty, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct group, 1);

// begin is called where connect() has set SYN_SENT, in the process whose call it
// is, and before a local port is looked for.
static __always_inline void begin(void *ctx, struct sock *sk)
{
	struct settings *s = our_settings();
	if (!s)
		return;
	__u32 tgid = watched(s);
	if (!tgid)
		return;
	struct conn c = {.begun = bpf_ktime_get_ns()};
	c.to.tgid = tgid;
	destination(sk, &c.to);
	struct group *g = bpf_map_lookup_elem(&groups, &c.to);
	if (!g) {
		announce(tgid, 0);
		__u32 zero = 0;
		struct group *none = bpf_map_lookup_elem(&empty, &zero);
		if (!none)
			return;
		bpf_get_current_comm(none->comm, sizeof(none->comm));
		bpf_map_update_elem(&groups, &c.to, none, BPF_NOEXIST);
		g = group_of(&c.to);
		if (!g)
			return;
	}
	__u64 before = __sync_fetch_and_add(&g->begun, 1);
	if (before < FIRST || !(bpf_get_prandom_u32() % EVERY)) {
		c.weight = before < FIRST ? 1 : EVERY;
		c.stack = stack_of(ctx);
		c.caller = top_of_stack();
	}
	__u64 key = (__u64)sk;
	if (bpf_map_update_elem(&conns, &key, &c, BPF_ANY))
		lose(LOST_CONN);
}

// fail notes why a connect came to nothing. The socket has an error if the other
// side, or nobody, answered. If it has none, its owner has closed it, which shuts
// it down first, or no port was found. (skc_num is zero by now, whatever it was.)
static __always_inline void fail(struct sock *sk, struct conn *c)
{
	struct failure key = {.to = c->to};
	key.errno = BPF_CORE_READ(sk, sk_err);
	if (!key.errno) {
		int closed = BPF_CORE_READ(sk, sk_shutdown) == SHUTDOWN_MASK;
		int port = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
		key.errno = port && closed ? ECANCELED : EADDRNOTAVAIL;
	}
	__u64 none = 0;
	bpf_map_update_elem(&failures, &key, &none, BPF_NOEXIST);
	__u64 *n = bpf_map_lookup_elem(&failures, &key);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		lose(LOST_GROUP);
	if (!c->weight)
		return;
	struct site_count *at = site_of(&c->to, c->caller, c->stack, BY_CONNECT);
	if (at)
		__sync_fetch_and_add(&at->failed, c->weight);
}

static __always_inline void establish(struct conn *c)
{
	c->established = bpf_ktime_get_ns();
	if (c->weight) {
		struct site_count *at = site_of(&c->to, c->caller, c->stack, BY_CONNECT);
		if (at)
			__sync_fetch_and_add(&at->connections, c->weight);
	}
	struct group *g = group_of(&c->to);
	if (!g)
		return;
	__sync_fetch_and_add(&g->established, 1);
	__u64 open = __sync_fetch_and_add(&g->open, 1) + 1;
	if (open > g->peak) // two at once may lose one
		g->peak = open;
}

// is_exiting reports whether it is the end of its process that closes a connection.
static __always_inline int is_exiting(struct conn *c)
{
	struct settings *s = our_settings();
	struct task_struct *task = (void *)bpf_get_current_task();
	return s && BPF_CORE_READ(task, flags) & PF_EXITING && tgid_of(s, task) == c->to.tgid;
}

static __always_inline void end(struct sock *sk, struct conn *c, int state)
{
	struct group *g = group_of(&c->to);
	if (!g || c->ended)
		return;
	c->ended = 1;
	if (state != CLOSE_WAIT && is_exiting(c))
		__sync_fetch_and_add(&g->left, 1);
	else if (state == FIN_WAIT1)
		__sync_fetch_and_add(&g->by_us, 1);
	else if (state == CLOSE_WAIT)
		__sync_fetch_and_add(&g->by_peer, 1);
	else
		__sync_fetch_and_add(&g->reset, 1);
	__sync_fetch_and_add(&g->open, -1);
	__sync_fetch_and_add(&g->segments, BPF_CORE_READ((struct tcp_sock *)sk, data_segs_out));
	count(g->life, bpf_ktime_get_ns() - c->established);
}

// Two programs see every change of every TCP socket's state, and hence the whole
// life of a connection that its process opened. A program that is interrupted
// does not run again on that CPU meanwhile, and what it should have seen is lost
// (the kernel counts its recursion misses): so what takes long, and runs in the
// process, is one of its own. TIME_WAIT is none of a struct sock's states: who
// goes to FIN_WAIT1 will have it.
SEC("raw_tracepoint/inet_sock_set_state")
int opened(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	if (ctx->args[1] == CLOSE && ctx->args[2] == SYN_SENT && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
		begin(ctx, sk);
	return 0;
}

SEC("raw_tracepoint/inet_sock_set_state")
int changed(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	int from = ctx->args[1], to = ctx->args[2];
	int closes_after_peer = to == CLOSE && (from == CLOSE_WAIT || from == LAST_ACK);
	if (from != SYN_SENT && from != ESTABLISHED && !closes_after_peer)
		return 0;
	__u64 key = (__u64)sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);
	if (!c)
		return 0;
	if (from == SYN_SENT && to == CLOSE)
		fail(sk, c);
	else if (from == SYN_SENT && to == ESTABLISHED)
		establish(c);
	else if (from == ESTABLISHED) {
		if (!c->established)
			establish(c); // that change was missed
		end(sk, c, to);
	}
	if (to != ESTABLISHED && to != CLOSE_WAIT) // a library says why only after the other side closed
		bpf_map_delete_elem(&conns, &key);
	return 0;
}

// port_found is called where a connection has its local port and its SYN leaves.
SEC("sockops")
int port_found(struct bpf_sock_ops *ops)
{
	if (ops->op != BPF_SOCK_OPS_TCP_CONNECT_CB)
		return 1;
	__u64 key = (__u64)ops->sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);
	if (!c)
		return 1;
	struct group *g = bpf_map_lookup_elem(&groups, &c->to);
	if (g)
		count(g->search, bpf_ktime_get_ns() - c->begun);
	return 1;
}

SEC("raw_tracepoint/sched_process_fork")
int forked(struct bpf_raw_tracepoint_args *ctx)
{
	struct settings *s = our_settings();
	if (!s || !s->follow)
		return 0;
	__u32 parent = tgid_of(s, (void *)ctx->args[0]), child = tgid_of(s, (void *)ctx->args[1]);
	if (!child || child == parent || !bpf_map_lookup_elem(&targets, &parent))
		return 0;
	__u8 yes = 1;
	if (bpf_map_update_elem(&targets, &child, &yes, BPF_ANY))
		lose(LOST_NEWS);
	return 0;
}

// exited forgets a process, whose number may be another one's next.
SEC("raw_tracepoint/sched_process_exit")
int exited(struct bpf_raw_tracepoint_args *ctx)
{
	struct settings *s = our_settings();
	struct task_struct *task = (void *)ctx->args[0];
	if (!s || !s->follow || BPF_CORE_READ(task, group_leader) != task)
		return 0;
	__u32 tgid = tgid_of(s, task);
	bpf_map_delete_elem(&targets, &tgid);
	return 0;
}

// executed tells berth of a program before it connects, so that what there is to
// see inside of it is seen from the beginning.
SEC("raw_tracepoint/sched_process_exec")
int executed(struct bpf_raw_tracepoint_args *ctx)
{
	struct settings *s = our_settings();
	if (!s)
		return 0;
	__u32 tgid = watched(s);
	if (tgid)
		announce(tgid, 1);
	return 0;
}

// who_are_we notes which pid namespace the caller, berth, is in.
SEC("syscall")
int who_are_we(void *ctx)
{
	struct settings *s = our_settings();
	struct task_struct *task = (void *)bpf_get_current_task();
	if (!s)
		return 1;
	struct upid u;
	s->level = BPF_CORE_READ(task, group_leader, thread_pid, level);
	number_of(task, s->level, &u);
	s->ns = (__u64)u.ns;
	s->self = u.nr;
	return 0;
}

static long sweep_one(void *map, __u64 *key, struct conn *c, void *ctx)
{
	c->segments = BPF_CORE_READ((struct tcp_sock *)*key, data_segs_out);
	return 0;
}

// sweep notes how much the connections that are open have sent.
SEC("syscall")
int sweep(void *ctx)
{
	bpf_for_each_map_elem(&conns, sweep_one, 0, 0);
	return 0;
}

// file_sock is the TCP socket that a descriptor of the running process is.
static __always_inline __u64 file_sock(__u64 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	struct file **at = BPF_CORE_READ(table, fd) + fd, *file = 0;
	bpf_probe_read_kernel(&file, sizeof(file), at);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	struct socket *socket = BPF_CORE_READ(file, private_data);
	return (__u64)BPF_CORE_READ(socket, sk);
}

// tcp_conn_sock is the socket of a *net.TCPConn, and zero if it is something
// else: its only word is a *net.netFD, which begins with a poll.FD of 56 bytes
// that has Sysfd at 16; the address family and the type of the socket follow.
static __always_inline __u64 tcp_conn_sock(__u64 conn)
{
	__u64 fd = word(conn);
	if (!fd)
		return 0;
	__u64 family = word(fd + 56), type = word(fd + 64);
	if (type != 1 || (family != AF_INET && family != AF_INET6))
		return 0;
	return file_sock(word(fd + 16));
}

// conn_sock is the socket below a net.Conn: a *net.TCPConn, or something that
// begins with a net.Conn, as *tls.Conn and most wrappers do.
static __always_inline __u64 conn_sock(__u64 conn)
{
	for (int depth = 0; depth < 3; depth++) {
		__u64 sk = tcp_conn_sock(conn);
		if (sk)
			return sk;
		conn = word(conn + 8);
	}
	return 0;
}

// Where the fields of net/http's structs are comes as the cookie of a probe:
// 16 bits each for persistConn.closed, Transport.DisableKeepAlives and
// Transport.MaxIdleConnsPerHost. persistConn.conn is at the same place in all.
#define CLOSED(cookie) ((cookie) & 0xffff)
#define NO_KEEPALIVE(cookie) ((cookie) >> 16 & 0xffff)
#define MAX_IDLE(cookie) ((cookie) >> 32 & 0xffff)
#define PERSIST_CONN_DATA (80 + 8)

static __always_inline __u32 probed(void)
{
	struct settings *s = our_settings();
	return s ? watched(s) : 0;
}

static __always_inline void remember(void *ctx, __u32 tgid, __u64 object, struct call *c)
{
	struct call_key key = {.object = object, .tgid = tgid};
	c->stack = stack_of(ctx);
	bpf_map_update_elem(&calls, &key, c, BPF_ANY);
}

// deliver notes which call wanted a connection, when it has just been made. What
// cannot be looked into, which HTTP/2's is, is counted without its destination:
// berth knows which one it can only be, most of the time.
static __always_inline void deliver(__u32 tgid, __u64 object, __u64 sk)
{
	struct call_key key = {.object = object, .tgid = tgid};
	struct call *call = bpf_map_lookup_elem(&calls, &key);
	struct conn *c = bpf_map_lookup_elem(&conns, &sk);
	struct endpoint to = {.tgid = tgid};
	if (!call)
		return;
	if (c) {
		if (c->placed || c->to.tgid != tgid)
			return;
		c->placed = 1;
		to = c->to;
	} else if (sk) {
		return; // it was opened before we watched, or has ended
	}
	struct site_count *at = site_of(&to, 0, call->stack, call->by);
	if (at)
		__sync_fetch_and_add(&at->connections, 1);
	struct transport_key tk = {.site = {.to = to, .stack = call->stack, .by = call->by}, .transport = call->transport};
	struct transport none = {.max_idle = call->max_idle, .no_keepalive = call->no_keepalive};
	bpf_map_update_elem(&transports, &tk, &none, BPF_NOEXIST);
	struct transport *t = bpf_map_lookup_elem(&transports, &tk);
	if (t)
		__sync_fetch_and_add(&t->connections, 1);
	else
		lose(LOST_GROUP);
}

// explain notes why a connection is closed. Of several reasons the first counts.
static __always_inline void explain(__u32 tgid, __u64 sk, __u64 text, __u64 length)
{
	struct reason key = {};
	struct conn *c = bpf_map_lookup_elem(&conns, &sk);
	if (!c || c->reasoned || c->to.tgid != tgid)
		return; // opened before we watched, or by a kind of net.Conn that we can't look into
	c->reasoned = 1;
	key.to = c->to;
	if (length > 0 && length < 4096) {
		if (length > REASON - 1)
			length = REASON - 1;
		bpf_probe_read_user(key.text, length & 127, (void *)text);
	}
	__u64 none = 0;
	bpf_map_update_elem(&reasons, &key, &none, BPF_NOEXIST);
	__u64 *n = bpf_map_lookup_elem(&reasons, &key);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		lose(LOST_GROUP);
}

// http_queue is at net/http.(*Transport).queueForDial(w *wantConn), on the
// goroutine of the request.
SEC("uprobe.multi/http_queue")
int http_queue(struct pt_regs *r)
{
	__u32 tgid = probed();
	if (!tgid)
		return 0;
	__u64 cookie = bpf_get_attach_cookie(r), t = ARG1(r);
	struct call c = {.transport = t, .by = BY_HTTP, .max_idle = -1};
	if (MAX_IDLE(cookie)) {
		c.max_idle = word(t + MAX_IDLE(cookie));
		c.no_keepalive = word(t + NO_KEEPALIVE(cookie)) & 1;
	}
	remember(r, tgid, ARG2(r), &c);
	return 0;
}

// http_deliver is where net/http.(*Transport).dialConnFor, with what it dialed,
// calls (*wantConn).tryDeliver(pc *persistConn, …).
SEC("uprobe.multi/http_deliver")
int http_deliver(struct pt_regs *r)
{
	__u32 tgid = probed();
	if (!tgid || !ARG2(r))
		return 0;
	deliver(tgid, ARG1(r), conn_sock(word(ARG2(r) + PERSIST_CONN_DATA)));
	return 0;
}

// http_close is at net/http.(*persistConn).closeLocked(err error), which may be
// called again for a connection that is closed. Most errors of net/http, and
// those that wrap one, begin with a string: that is the reason.
SEC("uprobe.multi/http_close")
int http_close(struct pt_regs *r)
{
	__u32 tgid = probed();
	__u64 pc = ARG1(r), err = ARG3(r);
	if (!tgid || word(pc + CLOSED(bpf_get_attach_cookie(r))))
		return 0;
	__u64 text = word(err), length = word(err + 8);
	explain(tgid, conn_sock(word(pc + PERSIST_CONN_DATA)), text, length);
	return 0;
}

// berth_dial is at berth.startDial(t *Transport, d *dial, …).
SEC("uprobe.multi/berth_dial")
int berth_dial(struct pt_regs *r)
{
	__u32 tgid = probed();
	if (!tgid)
		return 0;
	struct call c = {.transport = ARG1(r), .by = BY_BERTH, .max_idle = -1};
	remember(r, tgid, ARG2(r), &c);
	return 0;
}

// berth_dialed is at berth.dialed(t *Transport, d *dial, nc net.Conn, …).
SEC("uprobe.multi/berth_dialed")
int berth_dialed(struct pt_regs *r)
{
	__u32 tgid = probed();
	if (tgid)
		deliver(tgid, ARG2(r), conn_sock(ARG4(r)));
	return 0;
}

// berth_close is at berth.closeNet(nc net.Conn, why string).
SEC("uprobe.multi/berth_close")
int berth_close(struct pt_regs *r)
{
	__u32 tgid = probed();
	if (tgid)
		explain(tgid, conn_sock(ARG2(r)), ARG3(r), ARG4(r));
	return 0;
}
