/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network, beside the host's own stack in the same run: between two
 * processes over a bus, and between two stacks of one process.
 *
 * Link: rump-netinet rump-shmif
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/net/shmif.h>
#include <rump/net/vnet.h>
#include <rump/net/wire.h>
#include <rump/netconfig.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "bench.h"

#define RUNS		3
#define BULK		(256u << 20)	/* bytes */
#define BUFFER		(128u << 10)
#define TRIPS		10000
#define LOCAL_TRIPS	200000
#define PACKETS		400000
#define BURST		32
#define CONNECTIONS	5000
#define IDLE		400
#define PORT		5001

/* The calls of a stack. */
struct stack {
	bool ours;
	int (*socket)(int, int, int);
	int (*bind)(int, const struct sockaddr *, socklen_t);
	int (*listen)(int, int);
	int (*accept)(int, struct sockaddr *, socklen_t *);
	int (*connect)(int, const struct sockaddr *, socklen_t);
	int (*setsockopt)(int, int, int, const void *, socklen_t);
	ssize_t (*read)(int, void *, size_t);
	ssize_t (*write)(int, const void *, size_t);
	int (*close)(int);
	const char *server, *client;	/* addresses */
	int busypoll;			/* microseconds */
	uint64_t vnet;			/* the client's; 0: the server's too */
};

#define HOST_CALLS							\
	.socket = socket, .bind = bind, .listen = listen,		\
	.accept = accept, .connect = connect, .setsockopt = setsockopt,	\
	.read = read, .write = write, .close = close,			\
	.server = "127.0.0.1", .client = "127.0.0.1"

static int
ours_setsockopt(int s, int level, int name, const void *v, socklen_t n)
{
	return rump_sys_setsockopt(s, level, name, v, n);
}

#define OUR_CALLS							\
	.ours = true,							\
	.socket = rump_sys_socket, .bind = our_bind,			\
	.listen = rump_sys_listen, .accept = our_accept,		\
	.connect = our_connect, .setsockopt = ours_setsockopt,		\
	.read = rump_sys_read, .write = rump_sys_write,			\
	.close = rump_sys_close,					\
	.server = "10.0.0.1", .client = "10.0.0.2"

static int
our_bind(int s, const struct sockaddr *sa, socklen_t n)
{
	return rump_sys_bind(s, sa, n);
}

static int
our_accept(int s, struct sockaddr *sa, socklen_t *n)
{
	return rump_sys_accept(s, sa, n);
}

static int
our_connect(int s, const struct sockaddr *sa, socklen_t n)
{
	return rump_sys_connect(s, sa, n);
}

static void
check(bool good, const char *what)
{
	if (!good)
		err(1, "%s", what);
}

static void
check0(int error, const char *what)
{
	if (error != 0)
		errx(1, "%s: %s", what, strerror(error));
}

static struct sockaddr_in
address(const char *a)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(PORT) };

	inet_pton(AF_INET, a, &sin.sin_addr);
	return sin;
}

static int
listening(const struct stack *st)
{
	struct sockaddr_in sin = address(st->server);
	int one = 1, s = st->socket(AF_INET, SOCK_STREAM, 0);

	check(s != -1, "socket");
	st->setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(st->bind(s, (struct sockaddr *)&sin, sizeof(sin)) == 0, "bind");
	check(st->listen(s, 128) == 0, "listen");
	return s;
}

static void
options(const struct stack *st, int s)
{
	int one = 1;

	st->setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (st->busypoll != 0)
		check(st->setsockopt(s, SOL_SOCKET, SO_BUSY_POLL,
		    &st->busypoll, sizeof(st->busypoll)) == 0, "busy poll");
}

static int
connected(const struct stack *st)
{
	struct sockaddr_in sin = address(st->server);
	int s = st->socket(AF_INET, SOCK_STREAM, 0);

	check(s != -1, "socket");
	check(st->connect(s, (struct sockaddr *)&sin, sizeof(sin)) == 0,
	    "connect");
	options(st, s);
	return s;
}

/* ---- Two processes ---------------------------------------------------------- */

static char bus[300];

static void
join(const char *addr)
{
	char ifname[16];
	int n;

	bench_boot();
	check0(rump_pub_shmif_create(bus, &n), bus);
	snprintf(ifname, sizeof(ifname), "shmif%d", n);
	check0(rump_pub_netconfig_ipv4_ifaddr_cidr(ifname, addr, 24), addr);
}

/* A server in a child process, which serves one connection; ours to it. */
static int
served(const struct stack *st, void (*serve)(const struct stack *, int),
    pid_t *pidp)
{
	int fds[2], s;
	char c = 0;

	unlink(bus);
	check(pipe(fds) == 0 && (*pidp = fork()) != -1, "fork");
	if (*pidp == 0) {
		if (st->ours)
			join(st->server);
		s = listening(st);
		check(write(fds[1], &c, 1) == 1, "pipe");
		s = st->accept(s, NULL, NULL);
		check(s != -1, "accept");
		options(st, s);
		serve(st, s);
		_exit(0);
	}
	close(fds[1]);
	check(read(fds[0], &c, 1) == 1, "the server");
	close(fds[0]);
	if (st->ours)
		join(st->client);
	return connected(st);
}

static void
finish(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Take all, then say so. */
static void
sink(const struct stack *st, int s)
{
	char *buf = malloc(BUFFER);
	size_t n = 0;
	ssize_t k;

	for (; n < BULK; n += (size_t)k) {
		k = st->read(s, buf, BUFFER);
		check(k > 0, "read");
	}
	check(st->write(s, buf, 1) == 1, "write");
	pause();
}

static double
send_bulk(const struct stack *st, int s)
{
	char *buf = malloc(BUFFER);
	double start;
	size_t n;
	ssize_t k;

	memset(buf, 1, BUFFER);
	start = bench_now();
	for (n = 0; n < BULK; n += (size_t)k) {
		k = st->write(s, buf, BULK - n < BUFFER ? BULK - n : BUFFER);
		check(k > 0, "write");
	}
	check(st->read(s, buf, 1) == 1, "read");
	start = bench_now() - start;
	free(buf);
	return BULK / start / 1e6;
}

static double
bulk(void *arg)
{
	const struct stack *st = arg;
	double mbs;
	pid_t pid;

	mbs = send_bulk(st, served(st, sink, &pid));
	finish(pid);
	return mbs;
}

static void
echo(const struct stack *st, int s)
{
	char c;

	while (st->read(s, &c, 1) == 1)
		check(st->write(s, &c, 1) == 1, "write");
}

static double
trips(void *arg)
{
	const struct stack *st = arg;
	double start;
	char c = 0;
	pid_t pid;
	int s = served(st, echo, &pid);

	start = bench_now();
	for (int i = 0; i < TRIPS; i++)
		check(st->write(s, &c, 1) == 1 && st->read(s, &c, 1) == 1,
		    "trip");
	start = (bench_now() - start) / TRIPS * 1e6;
	finish(pid);
	return start;
}

/*
 * As many copies as a stream over the bus has: into the sender's buffers, into
 * the ring, out of it.
 */
struct ring {
	_Atomic uint64_t head, tail;
	char data[64][65536];
};

static double
memcpy_ring(void *arg)
{
	struct ring *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static char from[65536], mid[65536];
	uint64_t i, n = BULK / 65536;
	double start;
	pid_t pid;

	(void)arg;
	check(r != MAP_FAILED && (pid = fork()) != -1, "fork");
	if (pid == 0) {
		for (i = 0; i < n; i++) {
			while (atomic_load(&r->head) == i)
				sched_yield();
			memcpy(from, r->data[i % 64], 65536);
			__asm__ volatile("" : : "r"(from) : "memory");
			atomic_store(&r->tail, i + 1);
		}
		_exit(0);
	}
	memset(from, 1, sizeof(from));
	start = bench_now();
	for (i = 0; i < n; i++) {
		while (i - atomic_load(&r->tail) == 64)
			sched_yield();
		memcpy(mid, from, 65536);
		__asm__ volatile("" : : "r"(mid) : "memory");
		memcpy(r->data[i % 64], mid, 65536);
		atomic_store(&r->head, i + 1);
	}
	waitpid(pid, NULL, 0);
	return BULK / (bench_now() - start) / 1e6;
}

/* ---- One process --------------------------------------------------------------- */

/* A second network instance, on a wire; the host's is the only one. */
static void
two_stacks(struct stack *st)
{
	if (!st->ours)
		return;
	bench_boot();
	check0(rump_pub_vnet_create(&st->vnet), "vnet");
	check0(rump_pub_wire_create(0, "wire0", st->vnet, "wire0"), "wire");
	check0(rump_pub_netconfig_ipv4_ifaddr_cidr("wire0", st->server, 24),
	    "address");
	check0(rump_pub_vnet_enter(st->vnet), "enter");
	check0(rump_pub_netconfig_ipv4_ifaddr_cidr("wire0", st->client, 24),
	    "address");
	check0(rump_pub_vnet_enter(0), "enter");
}

static int
connected_there(const struct stack *st)
{
	int s;

	if (st->ours)
		check0(rump_pub_vnet_enter(st->vnet), "enter");
	s = connected(st);
	if (st->ours)
		check0(rump_pub_vnet_enter(0), "enter");
	return s;
}

struct end {
	const struct stack *st;
	int s;
};

static void *
sink_thread(void *arg)
{
	struct end *e = arg;
	char *buf = malloc(BUFFER);
	ssize_t k;

	for (size_t n = 0; n < BULK; n += (size_t)k) {
		k = e->st->read(e->s, buf, BUFFER);
		check(k > 0, "read");
	}
	check(e->st->write(e->s, buf, 1) == 1, "write");
	free(buf);
	return NULL;
}

static double
local_bulk(void *arg)
{
	struct stack st = *(struct stack *)arg;
	struct end e = { .st = &st };
	int l, s;
	pthread_t t;
	double mbs;

	two_stacks(&st);
	l = listening(&st);
	s = connected_there(&st);
	e.s = st.accept(l, NULL, NULL);
	check(e.s != -1 && pthread_create(&t, NULL, sink_thread, &e) == 0,
	    "thread");
	mbs = send_bulk(&st, s);
	pthread_join(t, NULL);
	return mbs;
}

/* No other thread has a part in it. */
static double
local_trips(void *arg)
{
	struct stack st = *(struct stack *)arg;
	double start;
	int l, s, a;
	char c = 0;

	two_stacks(&st);
	l = listening(&st);
	s = connected_there(&st);
	a = st.accept(l, NULL, NULL);
	check(a != -1, "accept");
	options(&st, a);
	start = bench_now();
	for (int i = 0; i < LOCAL_TRIPS; i++)
		check(st.write(s, &c, 1) == 1 && st.read(a, &c, 1) == 1 &&
		    st.write(a, &c, 1) == 1 && st.read(s, &c, 1) == 1,
		    "trip");
	return (bench_now() - start) / LOCAL_TRIPS * 1e6;
}

static double
udp_packets(void *arg)
{
	struct stack st = *(struct stack *)arg;
	struct sockaddr_in sin = address(st.server);
	char buf[64] = { 0 };
	double start;
	int s, r;

	two_stacks(&st);
	r = st.socket(AF_INET, SOCK_DGRAM, 0);
	check(r != -1 && st.bind(r, (struct sockaddr *)&sin,
	    sizeof(sin)) == 0, "bind");
	if (st.ours)
		check0(rump_pub_vnet_enter(st.vnet), "enter");
	s = st.socket(AF_INET, SOCK_DGRAM, 0);
	check(s != -1 && st.connect(s, (struct sockaddr *)&sin,
	    sizeof(sin)) == 0, "connect");
	if (st.ours)
		check0(rump_pub_vnet_enter(0), "enter");
	start = bench_now();
	for (int i = 0; i < PACKETS; i += BURST) {
		for (int j = 0; j < BURST; j++)
			check(st.write(s, buf, 64) == 64, "send");
		for (int j = 0; j < BURST; j++)
			check(st.read(r, buf, 64) == 64, "receive");
	}
	return PACKETS / (bench_now() - start) / 1e3;
}

static double
connections(void *arg)
{
	struct stack st = *(struct stack *)arg;
	struct sockaddr_in sin = address(st.server);
	const struct linger reset = { .l_onoff = 1 };
	double start;
	int l, s, a;

	two_stacks(&st);
	l = listening(&st);
	if (st.ours)
		check0(rump_pub_vnet_enter(st.vnet), "enter");
	start = bench_now();
	for (int i = 0; i < CONNECTIONS; i++) {
		s = st.socket(AF_INET, SOCK_STREAM, 0);
		check(s != -1 && st.connect(s, (struct sockaddr *)&sin,
		    sizeof(sin)) == 0, "connect");
		a = st.accept(l, NULL, NULL);
		check(a != -1, "accept");
		/* Ports are not to be used up. */
		st.setsockopt(s, SOL_SOCKET, SO_LINGER, &reset,
		    sizeof(reset));
		st.close(s);
		st.close(a);
	}
	return CONNECTIONS / (bench_now() - start);
}

/* Bytes of the kernel's memory for a connection's two ends, halved. */
static double
idle_bytes(void *arg)
{
	struct stack st = *(struct stack *)arg;
	uint64_t before;
	int l;

	two_stacks(&st);
	l = listening(&st);
	connected_there(&st);
	check(st.accept(l, NULL, NULL) != -1, "accept");
	before = bench_sysctl("kern.mem.used");
	for (int i = 0; i < IDLE; i++) {
		connected_there(&st);
		check(st.accept(l, NULL, NULL) != -1, "accept");
	}
	return (double)(bench_sysctl("kern.mem.used") - before) / IDLE / 2;
}

static double
boot_ms(void *arg)
{
	double start = bench_now();

	(void)arg;
	bench_boot();
	return (bench_now() - start) * 1e3;
}

/* ---- Rows -------------------------------------------------------------------------- */

static void
row(const char *metric, const char *unit, enum bench_sense sense,
    double (*fn)(void *), struct stack *ours, struct stack *host, double goal)
{
	struct bench_subject s[] = {
		{ .fn = fn, .arg = ours }, { .fn = fn, .arg = host },
	};

	bench_turns_child(RUNS, s, 2);
	bench_row("net", metric, unit, sense, s[0].median, s[1].median,
	    "host loopback", goal);
}

static void
bulk_rows(struct stack *ours, struct stack *host)
{
	struct bench_subject s[] = {
		{ .fn = bulk, .arg = ours }, { .fn = bulk, .arg = host },
		{ .fn = memcpy_ring },
	};

	bench_turns_child(RUNS, s, 3);
	bench_row("net", "TCP bulk, two processes", "MB/s", MORE_IS_BETTER,
	    s[0].median, s[1].median, "host loopback", 1);
	bench_row("net", "TCP bulk, two processes", "MB/s", MORE_IS_BETTER,
	    s[0].median, s[2].median, "memcpy ring", 0.8);
}

int
main(void)
{
	struct stack host = { HOST_CALLS }, ours = { OUR_CALLS };
	struct stack busy = { OUR_CALLS, .busypoll = 100 };

	snprintf(bus, sizeof(bus), "%s/bus", bench_dir());
	bulk_rows(&ours, &host);
	row("TCP round trip, two processes", "us", LESS_IS_BETTER, trips,
	    &ours, &host, 1);
	bench_row("net", "TCP round trip, two processes, busy poll", "us",
	    LESS_IS_BETTER, bench_median_child(RUNS, trips, &busy), 3,
	    "3 us", 1);
	row("TCP bulk, two stacks, one process", "MB/s", MORE_IS_BETTER,
	    local_bulk, &ours, &host, 2);
	row("TCP round trip, one thread", "us", LESS_IS_BETTER, local_trips,
	    &ours, &host, 0);
	bench_row("net", "TCP round trip, one thread", "us", LESS_IS_BETTER,
	    bench_median_child(RUNS, local_trips, &ours), 2, "2 us", 1);
	row("UDP, 64 bytes", "kpkt/s", MORE_IS_BETTER, udp_packets, &ours,
	    &host, 3);
	row("TCP connect, accept, close", "1/s", MORE_IS_BETTER, connections,
	    &ours, &host, 1);
	bench_row("net", "idle TCP connection", "bytes", LESS_IS_BETTER,
	    bench_median_child(RUNS, idle_bytes, &ours), 1536, "1.5 KiB", 1);
	bench_row("net", "boot with net, netinet, shmif", "ms",
	    LESS_IS_BETTER, bench_median_child(RUNS, boot_ms, NULL), 2,
	    "2 ms", 1);
	bench_cleanup();
	return 0;
}
