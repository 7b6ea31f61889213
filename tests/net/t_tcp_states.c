/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP's state machine, a segment at a time: RFC 9293 3.5, 3.6, 3.10.7, figure 5;
 * RFC 5961; TIME-WAIT of RFC 6191.
 *
 * Link: rump-netinet rump-portif
 */
#include "test.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include <rump/rump_syscalls.h>

#include "segment.h"

/* Numbers of TCP_INFO's tcpi_state. */
enum { ESTABLISHED = 1, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT,
	CLOSED, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING };

static int
boot(void **state)
{
	(void)state;
	seg_boot(1500);
	return 0;
}

static int
tcp_state(const struct peer *p)
{
	struct tcp_info ti;
	socklen_t len = sizeof(ti);

	memset(&ti, 0, sizeof(ti));
	assert_int_equal(rump_sys_getsockopt(p->p_fd, IPPROTO_TCP, TCP_INFO,
	    &ti, &len), 0);
	return ti.tcpi_state;
}

static int
so_error(const struct peer *p)
{
	socklen_t len = sizeof(int);
	int v = -1;

	assert_int_equal(rump_sys_getsockopt(p->p_fd, SOL_SOCKET, SO_ERROR,
	    &v, &len), 0);
	return v;
}

static void
at_end(const struct peer *p)
{
	char c;

	assert_int_equal(rump_sys_read(p->p_fd, &c, 1), 0);
}

static ssize_t
write_one(const struct peer *p)
{
	return rump_sys_sendto(p->p_fd, "x", 1, MSG_NOSIGNAL, NULL, 0);
}

static void
nobody_waits(const struct peer *p)
{
	assert_int_equal(rump_sys_accept(p->p_listen, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
shut(const struct peer *p)
{
	assert_int_equal(rump_sys_shutdown(p->p_fd, SHUT_WR), 0);
}

static void
close_it(struct peer *p)
{
	assert_int_equal(rump_sys_close(p->p_fd), 0);
	p->p_fd = -1;
}

/* Actively opened, without options. */
static void
opened(struct peer *p)
{
	seg_socket(p);
	seg_connect(p);
	PLAY(p, "> S 0", "< S 0 ack 1 win 8000 mss 1000",
	    "> . 1 ack 1");
}

/* ---- Figure 5: opening --------------------------------------------------- */

static void
passive_open_rfc9293_3_5(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p,
	    "< S 0 win 8000 mss 1000",
	    "> S 0 ack 1 mss 1460 ws none nosackok ts none tfo none");
	nobody_waits(&p);
	PLAY(&p, "< . 1 ack 1 win 8000", "+1 -");
	seg_accept(&p);
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	seg_end(&p);
}

static void
active_open_rfc9293_3_5(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	assert_int_equal(tcp_state(&p), SYN_SENT);
	PLAY(&p, "> S 0 mss 1460 sackok ts 0/0");
	PLAY(&p, "+0.05 < S 0 ack 1 win 8000 mss 1000", "> . 1 ack 1");
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	assert_int_equal(so_error(&p), 0);
	seg_end(&p);
}

/* Figure 7. */
static void
simultaneous_open_rfc9293_3_5(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0", "+0.01 < S 0 win 8000 mss 1000",
	    "> S 0 ack 1 mss 1460 ws none nosackok ts none");
	assert_int_equal(tcp_state(&p), SYN_RECV);
	PLAY(&p, "+0.01 < S 0 ack 1 win 8000 mss 1000");
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1");
	seg_end(&p);
}

static void
simultaneous_open_ends_with_a_plain_ack(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0", "< S 0 win 8000", "> S 0 ack 1",
	    "< . 1 ack 1 win 8000");
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	seg_end(&p);
}

/* Figure 8: an old duplicate SYN. */
static void
old_duplicate_syn_is_reset_by_the_peer_rfc9293_3_5(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S -5000 win 8000", "> S 0 ack -4999",
	    "< R -4999");
	PLAY(&p, "< S 0 win 8000", "> S 0 ack 1", "< . 1 ack 1");
	seg_accept(&p);
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	seg_end(&p);
}

static void
syn_received_goes_back_to_listen_on_rst_rfc9293_3_10_7_4(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 win 8000", "> S 0 ack 1", "< R 1",
	    /* The half-open connection is forgotten: no answer again ... */
	    "+10 -",
	    /* ... and its acknowledgement is nobody's. */
	    "< . 1 ack 1", "> R 1");
	nobody_waits(&p);
	seg_end(&p);
}

static void
syn_received_ignores_a_rst_outside_of_the_window_rfc5961_3_2(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 win 8000", "> S 0 ack 1", "< R 900000",
	    "< . 1 ack 1");
	seg_accept(&p);
	seg_end(&p);
}

static void
syn_received_challenges_a_rst_inside_of_the_window_rfc5961_3_2(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 win 8000", "> S 0 ack 1", "< R 100",
	    "> . 1 ack 1", "< . 1 ack 1");
	seg_accept(&p);
	seg_end(&p);
}

static void
syn_received_resets_what_acknowledges_something_else(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 win 8000", "> S 0 ack 1",
	    "< . 1 ack 2", "> R 2", "< . 1 ack 0", "> R 0",
	    "< . 1 ack 1", "-");
	seg_accept(&p);
	seg_end(&p);
}

static void
syn_received_takes_data_with_the_acknowledgement(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 win 8000", "> S 0 ack 1", "< P 1:100 ack 1",
	    "> . 1 ack 101");
	seg_accept(&p);
	seg_read(&p, 100);
	seg_end(&p);
}

static void
syn_received_takes_a_fin_with_the_acknowledgement(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 win 8000", "> S 0 ack 1", "< F 1 ack 1",
	    "> . 1 ack 2");
	seg_accept(&p);
	assert_int_equal(tcp_state(&p), CLOSE_WAIT);
	at_end(&p);
	seg_end(&p);
}

static void
syn_ack_is_sent_again_with_back_off_and_given_up(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 win 8000", "> S 0 ack 1", "+1 > S 0 ack 1",
	    "+2 > S 0 ack 1", "+4 > S 0 ack 1", "+8 > S 0 ack 1",
	    "+16 > S 0 ack 1", "+100 -", "< . 1 ack 1", "> R 1");
	seg_end(&p);
}

static void
a_repeated_syn_is_answered_again(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 win 8000", "> S 0 ack 1", "+0.5 < S 0 win 8000",
	    "> S 0 ack 1", "< . 1 ack 1");
	seg_accept(&p);
	seg_end(&p);
}

/* ---- 3.10.7.2: LISTEN ------------------------------------------------------- */

static void
listen_ignores_resets(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< R 0", "< R 0 ack 77", "< SR 0", "+1 -");
	seg_end(&p);
}

static void
listen_resets_acknowledgements_rfc9293_3_10_7_2(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< . 5 ack 77", "> R 77", "< S 0 ack 99", "> R 99",
	    "< F 5 ack 100", "> R 100");
	seg_end(&p);
}

static void
listen_ignores_what_has_neither_syn_nor_ack(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< . 0:10", "< F 0", "< PU 0:3 urg 1", "+1 -");
	seg_end(&p);
}

static void
closed_resets_everything_but_resets_rfc9293_3_10_7_1(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	(void)rump_sys_close(p.p_listen);
	p.p_listen = -1;
	PLAY(&p, "< S 0", "> R 0 ack 1", "< S 0:10", "> R 0 ack 11",
	    "< . 5:10", "> R 0 ack 15", "< F 5:10", "> R 0 ack 16",
	    "< . 5 ack 1234", "> R 1234", "< S 5 ack 1234", "> R 1234",
	    "< R 0", "< R 0 ack 5", "+1 -");
	seg_end(&p);
}

static void
a_wrong_checksum_is_silently_dropped(void **state)
{
	uint64_t was = seg_stat("tcp_in_csum_errors");
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 win 8000 bad", "+1 -", "< S 0 win 8000",
	    "> S 0 ack 1");
	assert_int_equal(seg_stat("tcp_in_csum_errors"), was + 1);
	seg_end(&p);
}

/* ---- 3.10.7.3: SYN-SENT ------------------------------------------------------- */

static void
syn_sent_resets_a_wrong_acknowledgement(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0", "< S 0 ack 0", "> R 0", "< S 0 ack 2", "> R 2",
	    "< . 0 ack 5", "> R 5", "< R 0 ack 2", "-");
	assert_int_equal(tcp_state(&p), SYN_SENT);
	PLAY(&p, "< S 0 ack 1", "> . 1 ack 1");
	seg_end(&p);
}

static void
syn_sent_is_refused_by_an_acceptable_rst(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0", "< R 0", "-");
	assert_int_equal(tcp_state(&p), SYN_SENT);
	PLAY(&p, "< R 0 ack 1", "+10 -");
	assert_int_equal(so_error(&p), ECONNREFUSED);
	assert_int_equal(tcp_state(&p), CLOSED);
	seg_end(&p);
}

static void
syn_sent_ignores_what_has_no_syn(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0", "< . 0 ack 1", "< F 0 ack 1", "< P 0:10 ack 1",
	    "-", "< S 0 ack 1", "> . 1 ack 1");
	seg_end(&p);
}

static void
syn_sent_takes_a_fin_that_follows(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0", "< SF 0:5 ack 1", "> . 1 ack 7");
	assert_int_equal(tcp_state(&p), CLOSE_WAIT);
	seg_read(&p, 5);
	at_end(&p);
	seg_end(&p);
}

static void
simultaneous_open_that_is_reset_is_refused(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0", "< S 0", "> S 0 ack 1", "< R 1", "+5 -");
	assert_int_equal(so_error(&p), ECONNREFUSED);
	seg_end(&p);
}

static void
simultaneous_open_repeats_its_syn_and_ack(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0", "+0.4 < S 0", "> S 0 ack 1",
	    "+0.6 > S 0 ack 1", "+2 > S 0 ack 1", "< S 0 ack 1");
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	seg_end(&p);
}

static void
closing_in_syn_sent_says_nothing(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0");
	close_it(&p);
	PLAY(&p, "+10 -", "< S 0 ack 1", "> R 1");
	seg_end(&p);
}

/* ---- Figure 5: closing --------------------------------------------------------- */

/* Figure 12, seen from A. */
static void
active_close_rfc9293_3_6(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	shut(&p);
	PLAY(&p, "> F 1 ack 1");
	assert_int_equal(tcp_state(&p), FIN_WAIT1);
	PLAY(&p, "< . 1 ack 2");
	assert_int_equal(tcp_state(&p), FIN_WAIT2);
	PLAY(&p, "+0.1 < F 1 ack 2", "> . 2 ack 2");
	assert_int_equal(tcp_state(&p), TIME_WAIT);
	at_end(&p);
	PLAY(&p, "+59.9 -");
	assert_int_equal(tcp_state(&p), TIME_WAIT);
	PLAY(&p, "+0.2 -");
	assert_int_equal(tcp_state(&p), CLOSED);
	seg_end(&p);
}

static void
passive_close_rfc9293_3_6(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< F 1 ack 1", "> . 1 ack 2");
	assert_int_equal(tcp_state(&p), CLOSE_WAIT);
	at_end(&p);
	shut(&p);
	PLAY(&p, "> F 1 ack 2");
	assert_int_equal(tcp_state(&p), LAST_ACK);
	PLAY(&p, "< . 2 ack 2");
	assert_int_equal(tcp_state(&p), CLOSED);
	PLAY(&p, "+10 -", "< . 2 ack 2", "> R 2");
	seg_end(&p);
}

/* Figure 13. */
static void
simultaneous_close_rfc9293_3_6(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	shut(&p);
	PLAY(&p, "> F 1 ack 1", "< F 1 ack 1", "> . 2 ack 2");
	assert_int_equal(tcp_state(&p), CLOSING);
	PLAY(&p, "< . 2 ack 2");
	assert_int_equal(tcp_state(&p), TIME_WAIT);
	PLAY(&p, "+61 -");
	assert_int_equal(tcp_state(&p), CLOSED);
	seg_end(&p);
}

static void
fin_wait_1_to_time_wait_in_one_segment(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	shut(&p);
	PLAY(&p, "> F 1 ack 1", "< F 1 ack 2", "> . 2 ack 2");
	assert_int_equal(tcp_state(&p), TIME_WAIT);
	seg_end(&p);
}

static void
half_close_keeps_receiving_rfc9293_3_6(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	shut(&p);
	PLAY(&p, "> F 1 ack 1", "< . 1 ack 2", "< P 1:500 ack 2",
	    "> . 2 ack 501", "+5 < P 501:500 ack 2", "> . 2 ack 1001");
	seg_read(&p, 1000);
	assert_int_equal(write_one(&p), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(tcp_state(&p), FIN_WAIT2);
	seg_end(&p);
}

static void
the_other_half_keeps_sending_rfc9293_3_6(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< F 1 ack 1", "> . 1 ack 2");
	seg_write(&p, 300);
	PLAY(&p, "> P 1:300 ack 2", "+0.01 < . 2 ack 301");
	shut(&p);
	PLAY(&p, "> F 301 ack 2", "< . 2 ack 302");
	assert_int_equal(tcp_state(&p), CLOSED);
	seg_end(&p);
}

static void
a_fin_follows_the_data(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< . 1 ack 1 win 2000");
	seg_write(&p, 2500);
	shut(&p);
	PLAY(&p, "> . 1:1000 ack 1", "> . 1001:1000 ack 1",
	    "+0.01 < . 1 ack 2001 win 2000", "> FP 2001:500 ack 1",
	    "+0.01 < . 1 ack 2501");
	assert_int_equal(tcp_state(&p), FIN_WAIT1);
	PLAY(&p, "< . 1 ack 2502");
	assert_int_equal(tcp_state(&p), FIN_WAIT2);
	seg_end(&p);
}

static void
a_fin_is_sent_again(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	shut(&p);
	PLAY(&p, "> F 1 ack 1", "+0.2 > F 1 ack 1", "+0.4 > F 1 ack 1",
	    "+0.01 < . 1 ack 2");
	assert_int_equal(tcp_state(&p), FIN_WAIT2);
	seg_end(&p);
}

static void
a_repeated_fin_is_acknowledged_again(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< F 1 ack 1", "> . 1 ack 2", "< F 1 ack 1",
	    "> . 1 ack 2");
	assert_int_equal(tcp_state(&p), CLOSE_WAIT);
	seg_end(&p);
}

static void
a_fin_out_of_order_waits_for_the_data(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< F 101:100 ack 1", "> . 1 ack 1");
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	PLAY(&p, "< . 1:100 ack 1", "> . 1 ack 202");
	assert_int_equal(tcp_state(&p), CLOSE_WAIT);
	seg_read(&p, 200);
	at_end(&p);
	seg_end(&p);
}

static void
data_behind_the_fin_is_not_taken(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< F 1 ack 1", "> . 1 ack 2", "< P 2:100 ack 1",
	    "> . 1 ack 2");
	at_end(&p);
	seg_end(&p);
}

static void
fin_wait_2_without_a_file_ends_after_a_minute(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	close_it(&p);
	PLAY(&p, "> F 1 ack 1", "< . 1 ack 2", "+59 -", "< . 0 ack 2",
	    "> . 2 ack 1", "+2 -", "< . 0 ack 2", "> R 2");
	seg_end(&p);
}

static void
data_for_a_closed_file_is_reset_rfc9293_3_6_1(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	close_it(&p);
	PLAY(&p, "> F 1 ack 1", "< . 1 ack 2", "< P 1:10 ack 2",
	    "> R 2 ack 1", "+1 -", "< . 11 ack 2", "> R 2");
	seg_end(&p);
}

static void
closing_with_unread_data_resets_rfc2525_2_17(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< P 1:10 ack 1", "> . 1 ack 11");
	close_it(&p);
	PLAY(&p, "> R 1 ack 11", "+10 -");
	seg_end(&p);
}

static void
lingering_zero_seconds_resets(void **state)
{
	const struct linger now = { .l_onoff = 1 };
	struct peer p;

	(void)state;
	opened(&p);
	assert_int_equal(rump_sys_setsockopt(p.p_fd, SOL_SOCKET, SO_LINGER,
	    &now, sizeof(now)), 0);
	close_it(&p);
	PLAY(&p, "> R 1 ack 1", "+10 -");
	seg_end(&p);
}

/* ---- RFC 9293 3.10.7.4 second, RFC 5961 3: resets ----------------------------- */

static void
the_exact_rst_ends_established(void **state)
{
	struct peer p;
	char c;

	(void)state;
	opened(&p);
	PLAY(&p, "< R 1", "+10 -");
	assert_int_equal(rump_sys_read(p.p_fd, &c, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(tcp_state(&p), CLOSED);
	seg_end(&p);
}

static void
a_rst_in_the_window_is_challenged_rfc5961_3_2(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< R 2", "> . 1 ack 1", "< R 30000", "> . 1 ack 1");
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	seg_end(&p);
}

static void
a_rst_outside_of_the_window_is_ignored_rfc5961_3_2(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< R 0", "< R -100", "< R 900000", "+1 -");
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	seg_end(&p);
}

static void
rst_in_fin_wait_1_and_2(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	shut(&p);
	PLAY(&p, "> F 1 ack 1", "< R 1", "+10 -");
	assert_int_equal(so_error(&p), ECONNRESET);
	seg_end(&p);
	opened(&p);
	shut(&p);
	PLAY(&p, "> F 1 ack 1", "< . 1 ack 2", "< R 1", "+10 -");
	assert_int_equal(so_error(&p), ECONNRESET);
	assert_int_equal(tcp_state(&p), CLOSED);
	seg_end(&p);
}

static void
rst_in_close_wait(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< F 1 ack 1", "> . 1 ack 2", "< R 2", "+1 -");
	assert_int_equal(tcp_state(&p), CLOSED);
	assert_int_equal(write_one(&p), -1);
	seg_end(&p);
}

static void
rst_in_closing_last_ack_and_time_wait(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	shut(&p);
	PLAY(&p, "> F 1 ack 1", "< F 1 ack 1", "> . 2 ack 2", "< R 2",
	    "+10 -");
	assert_int_equal(tcp_state(&p), CLOSED);
	assert_int_equal(so_error(&p), 0);
	seg_end(&p);
	opened(&p);
	PLAY(&p, "< F 1 ack 1", "> . 1 ack 2");
	shut(&p);
	PLAY(&p, "> F 1 ack 2", "< R 2", "+10 -");
	assert_int_equal(tcp_state(&p), CLOSED);
	assert_int_equal(so_error(&p), 0);
	seg_end(&p);
}

/* RFC 1337: it would let an old segment into a new incarnation. */
static void
time_wait_is_not_assassinated_rfc1337(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	shut(&p);
	PLAY(&p, "> F 1 ack 1", "< F 1 ack 2", "> . 2 ack 2",
	    "< . 2:10 ack 2", "> . 2 ack 2", "< R 3", "-");
	assert_int_equal(tcp_state(&p), TIME_WAIT);
	seg_end(&p);
}

/* ---- Fourth, RFC 5961 4: SYNs -------------------------------------------------- */

static void
a_syn_in_any_synchronized_state_is_challenged_rfc5961_4_2(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< S 1", "> . 1 ack 1", "< S 0 ack 1", "> . 1 ack 1",
	    "< S 900000", "> . 1 ack 1");
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	shut(&p);
	PLAY(&p, "> F 1 ack 1", "< S 1", "> . 2 ack 1", "< . 1 ack 2",
	    "< S 1", "> . 2 ack 1");
	assert_int_equal(tcp_state(&p), FIN_WAIT2);
	seg_end(&p);
	opened(&p);
	PLAY(&p, "< F 1 ack 1", "> . 1 ack 2", "< S 2", "> . 1 ack 2");
	assert_int_equal(tcp_state(&p), CLOSE_WAIT);
	seg_end(&p);
}

static void
a_rebooted_peer_learns_by_the_challenge_rfc5961_4_2(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< S -70000", "> . 1 ack 1", "< R 1", "+1 -");
	assert_int_equal(so_error(&p), ECONNRESET);
	seg_end(&p);
}

/* ---- First and fifth: acceptance ------------------------------------------------ */

static void
segments_outside_of_the_window_are_answered_rfc9293_3_10_7_4(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< P -99:100 ack 1", "> . 1 ack 1",
	    "< P 900000:10 ack 1", "> . 1 ack 1",
	    "< . 0 ack 1", "> . 1 ack 1");
	seg_end(&p);
}

static void
a_segment_is_trimmed_to_the_window(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< P 1:100 ack 1", "> . 1 ack 101", "< P 51:100 ack 1",
	    "> . 1 ack 151");
	seg_read(&p, 150);
	seg_end(&p);
}

static void
an_ack_of_what_was_not_sent_is_challenged(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< . 1 ack 2", "> . 1 ack 1", "< P 1:10 ack 900",
	    "> . 1 ack 1");
	/* Its data was not taken. */
	seg_read(&p, 0);
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	seg_end(&p);
}

static void
an_ack_older_than_any_window_is_challenged_rfc5961_5_2(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< P 1:10 ack -70000", "> . 1 ack 1");
	seg_end(&p);
}

static void
a_segment_without_ack_is_dropped(void **state)
{
	struct peer p;

	(void)state;
	opened(&p);
	PLAY(&p, "< P 1:10", "< F 1", "+1 -");
	assert_int_equal(tcp_state(&p), ESTABLISHED);
	seg_end(&p);
}

static void
challenges_are_limited_rfc5961_7(void **state)
{
	struct peer p;
	unsigned n = 0;

	(void)state;
	seg_sysctl("tcp_challenge_ack_limit", 20);
	opened(&p);
	PLAY(&p, "+2 -");
	for (int i = 0; i < 200; i++) {
		struct segment sg = { .sg_flags = 4, .sg_mss = -1,
		    .sg_ws = -1, .sg_seq = p.p_peeriss + 2 }, got;

		seg_put(&p, &sg);
		n += seg_get(&p, &got, 0);
	}
	assert_in_range(n, 10, 30);
	PLAY(&p, "+1.5 < R 2", "> . 1 ack 1");
	seg_sysctl("tcp_challenge_ack_limit", 1000);
	seg_end(&p);
}

/* ---- TIME-WAIT ------------------------------------------------------------------- */

/* To TIME-WAIT, passively opened with these options. */
static void
time_waiting(struct peer *p, const char *options, const char *fin)
{
	seg_established(p, options, 8000);
	shut(p);
	PLAY(p, "> F 1 ack 1", fin, "> . 2 ack 2");
	assert_int_equal(tcp_state(p), TIME_WAIT);
}

static void
time_wait_answers_a_fin_and_waits_anew_rfc9293_3_10_7_4(void **state)
{
	struct peer p;

	(void)state;
	time_waiting(&p, "", "< F 1 ack 2");
	PLAY(&p, "+50 < F 1 ack 2", "> . 2 ack 2", "+50 -");
	assert_int_equal(tcp_state(&p), TIME_WAIT);
	PLAY(&p, "+11 -");
	assert_int_equal(tcp_state(&p), CLOSED);
	seg_end(&p);
}

static void
time_wait_takes_a_syn_with_a_later_time_stamp_rfc6191_2(void **state)
{
	struct peer p;

	(void)state;
	time_waiting(&p, "mss 1000 ts 100/0", "< F 1 ack 2 ts 200/0");
	close_it(&p);
	/* Its sequence number is an old one, even. */
	PLAY(&p, "+1 < S -500 win 8000 ts 300/0");
	p.p_peeriss -= 500;
	PLAY(&p, "> S 0 ack 1 ts */300", "< . 1 ack 1 ts 301/0", "+1 -");
	seg_accept(&p);
	seg_end(&p);
}

static void
time_wait_takes_a_syn_beyond_its_last_sequence_rfc6191_2(void **state)
{
	struct peer p;

	(void)state;
	time_waiting(&p, "", "< F 1 ack 2");
	close_it(&p);
	PLAY(&p, "+1 < S 5000 win 8000");
	p.p_peeriss += 5000;
	PLAY(&p, "> S 0 ack 1", "< . 1 ack 1");
	seg_accept(&p);
	seg_end(&p);
}

static void
time_wait_refuses_an_old_syn_rfc6191_2(void **state)
{
	struct peer p;

	(void)state;
	time_waiting(&p, "mss 1000 ts 100/0", "< F 1 ack 2 ts 200/0");
	PLAY(&p, "+1 < S 5000 win 8000 ts 150/0", "> . 2 ack 2");
	assert_int_equal(tcp_state(&p), TIME_WAIT);
	seg_end(&p);
	time_waiting(&p, "", "< F 1 ack 2");
	PLAY(&p, "+1 < S 1 win 8000", "> . 2 ack 2");
	assert_int_equal(tcp_state(&p), TIME_WAIT);
	seg_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passive_open_rfc9293_3_5),
		cmocka_unit_test(active_open_rfc9293_3_5),
		cmocka_unit_test(simultaneous_open_rfc9293_3_5),
		cmocka_unit_test(simultaneous_open_ends_with_a_plain_ack),
		cmocka_unit_test(
		    old_duplicate_syn_is_reset_by_the_peer_rfc9293_3_5),
		cmocka_unit_test(
		    syn_received_goes_back_to_listen_on_rst_rfc9293_3_10_7_4),
		cmocka_unit_test(
		    syn_received_ignores_a_rst_outside_of_the_window_rfc5961_3_2),
		cmocka_unit_test(
		    syn_received_challenges_a_rst_inside_of_the_window_rfc5961_3_2),
		cmocka_unit_test(
		    syn_received_resets_what_acknowledges_something_else),
		cmocka_unit_test(
		    syn_received_takes_data_with_the_acknowledgement),
		cmocka_unit_test(
		    syn_received_takes_a_fin_with_the_acknowledgement),
		cmocka_unit_test(
		    syn_ack_is_sent_again_with_back_off_and_given_up),
		cmocka_unit_test(a_repeated_syn_is_answered_again),
		cmocka_unit_test(listen_ignores_resets),
		cmocka_unit_test(
		    listen_resets_acknowledgements_rfc9293_3_10_7_2),
		cmocka_unit_test(listen_ignores_what_has_neither_syn_nor_ack),
		cmocka_unit_test(
		    closed_resets_everything_but_resets_rfc9293_3_10_7_1),
		cmocka_unit_test(a_wrong_checksum_is_silently_dropped),
		cmocka_unit_test(syn_sent_resets_a_wrong_acknowledgement),
		cmocka_unit_test(syn_sent_is_refused_by_an_acceptable_rst),
		cmocka_unit_test(syn_sent_ignores_what_has_no_syn),
		cmocka_unit_test(syn_sent_takes_a_fin_that_follows),
		cmocka_unit_test(simultaneous_open_that_is_reset_is_refused),
		cmocka_unit_test(simultaneous_open_repeats_its_syn_and_ack),
		cmocka_unit_test(closing_in_syn_sent_says_nothing),
		cmocka_unit_test(active_close_rfc9293_3_6),
		cmocka_unit_test(passive_close_rfc9293_3_6),
		cmocka_unit_test(simultaneous_close_rfc9293_3_6),
		cmocka_unit_test(fin_wait_1_to_time_wait_in_one_segment),
		cmocka_unit_test(half_close_keeps_receiving_rfc9293_3_6),
		cmocka_unit_test(the_other_half_keeps_sending_rfc9293_3_6),
		cmocka_unit_test(a_fin_follows_the_data),
		cmocka_unit_test(a_fin_is_sent_again),
		cmocka_unit_test(a_repeated_fin_is_acknowledged_again),
		cmocka_unit_test(a_fin_out_of_order_waits_for_the_data),
		cmocka_unit_test(data_behind_the_fin_is_not_taken),
		cmocka_unit_test(fin_wait_2_without_a_file_ends_after_a_minute),
		cmocka_unit_test(data_for_a_closed_file_is_reset_rfc9293_3_6_1),
		cmocka_unit_test(closing_with_unread_data_resets_rfc2525_2_17),
		cmocka_unit_test(lingering_zero_seconds_resets),
		cmocka_unit_test(the_exact_rst_ends_established),
		cmocka_unit_test(a_rst_in_the_window_is_challenged_rfc5961_3_2),
		cmocka_unit_test(
		    a_rst_outside_of_the_window_is_ignored_rfc5961_3_2),
		cmocka_unit_test(rst_in_fin_wait_1_and_2),
		cmocka_unit_test(rst_in_close_wait),
		cmocka_unit_test(rst_in_closing_last_ack_and_time_wait),
		cmocka_unit_test(time_wait_is_not_assassinated_rfc1337),
		cmocka_unit_test(
		    a_syn_in_any_synchronized_state_is_challenged_rfc5961_4_2),
		cmocka_unit_test(
		    a_rebooted_peer_learns_by_the_challenge_rfc5961_4_2),
		cmocka_unit_test(
		    segments_outside_of_the_window_are_answered_rfc9293_3_10_7_4),
		cmocka_unit_test(a_segment_is_trimmed_to_the_window),
		cmocka_unit_test(an_ack_of_what_was_not_sent_is_challenged),
		cmocka_unit_test(
		    an_ack_older_than_any_window_is_challenged_rfc5961_5_2),
		cmocka_unit_test(a_segment_without_ack_is_dropped),
		cmocka_unit_test(challenges_are_limited_rfc5961_7),
		cmocka_unit_test(
		    time_wait_answers_a_fin_and_waits_anew_rfc9293_3_10_7_4),
		cmocka_unit_test(
		    time_wait_takes_a_syn_with_a_later_time_stamp_rfc6191_2),
		cmocka_unit_test(
		    time_wait_takes_a_syn_beyond_its_last_sequence_rfc6191_2),
		cmocka_unit_test(time_wait_refuses_an_old_syn_rfc6191_2),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
