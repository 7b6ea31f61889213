/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When TCP sends: retransmission (RFC 6298), delayed acknowledgements, Nagle,
 * silly windows, closed windows (RFC 9293 3.7.4, 3.8), keep-alive and user
 * timeouts (tcp(7)). Times are exact.
 *
 * Link: rump-netinet rump-portif
 */
#include "test.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <rump/rump_syscalls.h>

#include "segment.h"

static int
boot(void **state)
{
	(void)state;
	seg_boot(1500);
	return 0;
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

/* Established, no options, after a round trip of 100 ms, least RTO 1 ms. */
static void
measured(struct peer *p)
{
	seg_sysctl("tcp_rto_min", 1);
	seg_listen(p);
	PLAY(p, "< S 0 mss 1000", "> S 0 ack 1",
	    "+0.1 < . 1 ack 1 win 8000");
	seg_accept(p);
}

static void
ended(struct peer *p)
{
	seg_end(p);
	seg_sysctl("tcp_rto_min", 200);
}

/* ---- RFC 6298 ------------------------------------------------------------- */

static void
initial_rto_is_a_second_and_doubles_rfc6298_2_1(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0", "+1 > S 0", "+2 > S 0", "+4 > S 0", "+8 > S 0",
	    "+16 > S 0", "+32 > S 0", "+65 -");
	assert_int_equal(so_error(&p), ETIMEDOUT);
	seg_end(&p);
}

static void
first_sample_makes_rto_thrice_the_rtt_rfc6298_2_2(void **state)
{
	struct peer p;

	(void)state;
	measured(&p);
	seg_write(&p, 100);
	/* SRTT 100, RTTVAR 50: 100 + 4 * 50. */
	PLAY(&p, "> P 1:100 ack 1", "+0.3 > P 1:100 ack 1",
	    "+0.6 > P 1:100 ack 1", "+1.2 > P 1:100 ack 1",
	    "+2.4 > P 1:100 ack 1");
	ended(&p);
}

static void
further_samples_are_averaged_rfc6298_2_3(void **state)
{
	struct peer p;

	(void)state;
	measured(&p);
	seg_write(&p, 100);
	PLAY(&p, "> P 1:100 ack 1", "+0.2 < . 1 ack 101 win 8000");
	seg_write(&p, 100);
	/* RTTVAR 3/4 * 50 + 1/4 * 100, SRTT 7/8 * 100 + 1/8 * 200. */
	PLAY(&p, "> P 101:100 ack 1", "+0.3625 > P 101:100 ack 1");
	ended(&p);
	measured(&p);
	seg_write(&p, 100);
	PLAY(&p, "> P 1:100 ack 1", "+0.1 < . 1 ack 101 win 8000");
	seg_write(&p, 100);
	/* RTTVAR 37.5, SRTT 100; then 28.125. */
	PLAY(&p, "> P 101:100 ack 1", "+0.1 < . 1 ack 201 win 8000");
	seg_write(&p, 100);
	PLAY(&p, "> P 201:100 ack 1", "+0.2125 > P 201:100 ack 1");
	ended(&p);
}

static void
what_was_sent_twice_is_no_sample_rfc6298_3(void **state)
{
	struct peer p;

	(void)state;
	measured(&p);
	seg_write(&p, 100);
	PLAY(&p, "> P 1:100 ack 1", "+0.3 > P 1:100 ack 1",
	    "+0.001 < . 1 ack 101 win 8000");
	seg_write(&p, 100);
	PLAY(&p, "> P 101:100 ack 1", "+0.3 > P 101:100 ack 1");
	ended(&p);
}

static void
news_restart_the_timer_rfc6298_5_3(void **state)
{
	struct peer p;

	(void)state;
	measured(&p);
	seg_write(&p, 2000);
	PLAY(&p, "> . 1:1000 ack 1", "> P 1001:1000 ack 1",
	    "+0.1 < . 1 ack 1001 win 8000", "+0.25 > P 1001:1000 ack 1");
	ended(&p);
}

static void
further_data_does_not_restart_the_timer_rfc6298_5_1(void **state)
{
	struct peer p;

	(void)state;
	measured(&p);
	seg_setopt(&p, IPPROTO_TCP, TCP_NODELAY, 1);
	seg_write(&p, 100);
	PLAY(&p, "> P 1:100 ack 1", "+0.2 -");
	seg_write(&p, 100);
	PLAY(&p, "> P 101:100 ack 1", "+0.1 > . 1:100 ack 1");
	ended(&p);
}

static void
all_acknowledged_stops_the_timer_rfc6298_5_2(void **state)
{
	struct peer p;

	(void)state;
	measured(&p);
	seg_write(&p, 100);
	PLAY(&p, "> P 1:100 ack 1", "+0.29 < . 1 ack 101 win 8000", "+60 -");
	ended(&p);
}

static void
rto_has_a_least_and_a_largest_value_rfc6298_2_4_and_2_5(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	seg_write(&p, 100);
	PLAY(&p, "> P 1:100 ack 1", "+0.2 > P 1:100 ack 1");
	seg_end(&p);
	seg_sysctl("tcp_rto_min", 100000);
	seg_established(&p, "mss 1000", 8000);
	seg_write(&p, 100);
	PLAY(&p, "> P 1:100 ack 1", "+100 > P 1:100 ack 1",
	    "+120 > P 1:100 ack 1", "+120 > P 1:100 ack 1");
	ended(&p);
}

static void
a_lost_syn_makes_the_next_rto_3_seconds_rfc6298_5_7(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0", "+1 > S 0", "+0.1 < S 0 ack 1 win 8000",
	    "> . 1 ack 1");
	seg_write(&p, 100);
	PLAY(&p, "> P 1:100 ack 1", "+3 > P 1:100 ack 1");
	seg_end(&p);
}

static void
fifteen_time_outs_end_a_connection(void **state)
{
	struct segment sg;
	struct peer p;
	unsigned n = 0;
	char c;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	seg_write(&p, 100);
	while (seg_get(&p, &sg, 2000 * 1000000000ll))
		n++;
	assert_int_equal(n, 16);
	assert_int_equal(rump_sys_read(p.p_fd, &c, 1), -1);
	assert_int_equal(errno, ETIMEDOUT);
	seg_end(&p);
}

static void
user_timeout_ends_a_connection_tcp7(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	seg_setopt(&p, IPPROTO_TCP, TCP_USER_TIMEOUT, 1500);
	seg_write(&p, 100);
	PLAY(&p, "> P 1:100 ack 1", "+0.2 > P 1:100 ack 1",
	    "+0.4 > P 1:100 ack 1", "+0.8 > P 1:100 ack 1", "+0.09 -");
	assert_int_equal(so_error(&p), 0);
	PLAY(&p, "+0.02 -");
	assert_int_equal(so_error(&p), ETIMEDOUT);
	seg_end(&p);
}

/* ---- Acknowledgements: RFC 9293 3.8.6.3, RFC 5681 4.2 ------------------------ */

static void
delaying(struct peer *p)
{
	seg_established(p, "mss 1000", 8000);
	seg_setopt(p, IPPROTO_TCP, TCP_QUICKACK, 0);
	PLAY(p, "< . 1:1000 ack 1");
}

static void
an_acknowledgement_waits_40_ms(void **state)
{
	struct peer p;

	(void)state;
	delaying(&p);
	PLAY(&p, "+0.04 > . 1 ack 1001", "+10 -");
	seg_end(&p);
}

static void
every_second_full_segment_is_acknowledged_at_once(void **state)
{
	struct peer p;

	(void)state;
	delaying(&p);
	PLAY(&p, "+0.01 < . 1001:1000 ack 1", "> . 1 ack 2001",
	    "< . 2001:1000 ack 1", "< . 3001:1000 ack 1", "> . 1 ack 4001",
	    "+1 -");
	seg_end(&p);
}

static void
data_carries_the_acknowledgement(void **state)
{
	struct peer p;

	(void)state;
	delaying(&p);
	PLAY(&p, "+0.01 -");
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1001", "+0.05 < . 1001 ack 11", "+1 -");
	seg_end(&p);
}

static void
holes_and_their_filling_are_told_at_once_rfc5681_4_2(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	seg_setopt(&p, IPPROTO_TCP, TCP_QUICKACK, 0);
	PLAY(&p, "< . 1001:1000 ack 1", "> . 1 ack 1",
	    "< . 3001:1000 ack 1", "> . 1 ack 1",
	    "< . 1:1000 ack 1", "> . 1 ack 2001",
	    "< . 2001:1000 ack 1", "> . 1 ack 4001", "+1 -");
	seg_end(&p);
}

static void
the_first_segments_are_acknowledged_at_once(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	PLAY(&p, "< . 1:1000 ack 1", "> . 1 ack 1001",
	    "< . 1001:1000 ack 1", "> . 1 ack 2001", "< P 2001:1 ack 1",
	    "> . 1 ack 2002", "+1 -");
	seg_end(&p);
}

/* ---- Small segments: RFC 9293 3.7.4, tcp(7) -------------------------------------- */

static void
a_small_segment_waits_for_the_one_before_rfc9293_3_7_4(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	seg_write(&p, 10);
	seg_write(&p, 10);
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1", "+0.05 < . 1 ack 11 win 8000",
	    "> P 11:20 ack 1", "< . 1 ack 31 win 8000", "+5 -");
	seg_end(&p);
}

static void
full_segments_do_not_wait(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	seg_write(&p, 10);
	seg_write(&p, 2010);
	PLAY(&p, "> P 1:10 ack 1", "> . 11:1000 ack 1", "> . 1011:1000 ack 1",
	    "+0.05 < . 1 ack 2011 win 8000", "> P 2011:10 ack 1");
	seg_end(&p);
}

static void
nodelay_sends_each_at_once(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	seg_setopt(&p, IPPROTO_TCP, TCP_NODELAY, 1);
	seg_write(&p, 10);
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1", "> P 11:10 ack 1");
	seg_end(&p);
}

static void
nodelay_sends_what_nagle_held(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	seg_write(&p, 10);
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1", "+0.01 -");
	seg_setopt(&p, IPPROTO_TCP, TCP_NODELAY, 1);
	PLAY(&p, "> P 11:10 ack 1");
	seg_end(&p);
}

static void
cork_holds_what_is_not_full_for_200_ms(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	seg_setopt(&p, IPPROTO_TCP, TCP_CORK, 1);
	seg_write(&p, 600);
	seg_write(&p, 600);
	PLAY(&p, "> . 1:1000 ack 1", "+0.05 < . 1 ack 1001 win 8000");
	seg_setopt(&p, IPPROTO_TCP, TCP_CORK, 0);
	PLAY(&p, "> P 1001:200 ack 1", "< . 1 ack 1201 win 8000");
	seg_setopt(&p, IPPROTO_TCP, TCP_CORK, 1);
	seg_write(&p, 100);
	PLAY(&p, "+0.2 > P 1201:100 ack 1");
	seg_end(&p);
}

static void
msg_more_holds_until_a_send_without(void **state)
{
	struct peer p;
	uint8_t buf[30];

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = seg_pattern(i);
	assert_int_equal(rump_sys_sendto(p.p_fd, buf, 10, MSG_MORE, NULL, 0),
	    10);
	PLAY(&p, "+0.1 -");
	assert_int_equal(rump_sys_sendto(p.p_fd, buf + 10, 20, 0, NULL, 0),
	    20);
	PLAY(&p, "+0 > P 1:30 ack 1");
	seg_end(&p);
}

/* ---- Windows: RFC 9293 3.8.6 -------------------------------------------------------- */

static void
a_small_part_of_the_window_is_not_used_at_once_rfc9293_3_8_6_2_1(
    void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 4000);
	PLAY(&p, "< . 1 ack 1 win 500");
	seg_write(&p, 2000);
	PLAY(&p, "+0.2 > . 1:500 ack 1", "+0.01 < . 1 ack 501 win 4000",
	    "> . 501:1000 ack 1", "> P 1501:500 ack 1");
	seg_end(&p);
}

static void
half_of_the_largest_window_may_be_used_rfc9293_3_8_6_2_1(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 win 800 mss 1000", "> S 0 ack 1",
	    "< . 1 ack 1 win 800");
	seg_accept(&p);
	seg_write(&p, 2000);
	PLAY(&p, "> . 1:800 ack 1", "+0.01 < . 1 ack 801 win 400",
	    "> . 801:400 ack 1");
	seg_end(&p);
}

static void
a_closed_window_is_probed_with_back_off_rfc9293_3_8_6_1(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 4000);
	PLAY(&p, "< . 1 ack 1 win 0");
	seg_write(&p, 100);
	PLAY(&p, "+0.2 > . 0 ack 1", "< . 1 ack 1 win 0",
	    "+0.4 > . 0 ack 1", "< . 1 ack 1 win 0",
	    "+0.8 > . 0 ack 1", "+1.6 > . 0 ack 1", "+3.2 > . 0 ack 1",
	    "+1 < . 1 ack 1 win 4000", "> P 1:100 ack 1");
	seg_end(&p);
}

static void
a_window_that_is_answered_closed_stays_open_for_hours(void **state)
{
	struct segment sg, answer = { .sg_flags = 0x10, .sg_mss = -1,
	    .sg_ws = -1 };
	struct peer p;
	unsigned n = 0;

	(void)state;
	seg_established(&p, "mss 1000", 4000);
	PLAY(&p, "< . 1 ack 1 win 0");
	seg_write(&p, 100);
	answer.sg_seq = p.p_peeriss + 1;
	answer.sg_ack = p.p_iss + 1;
	for (n = 0; n < 60; n++) {
		assert_true(seg_get(&p, &sg, 121 * 1000000000ll));
		seg_put(&p, &answer);
	}
	assert_int_equal(so_error(&p), 0);
	seg_end(&p);
}

static void
a_shrunk_window_is_lived_with(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 4000);
	seg_write(&p, 4000);
	PLAY(&p, "> . 1:1000 ack 1", "> . 1001:1000 ack 1",
	    "> . 2001:1000 ack 1", "> P 3001:1000 ack 1",
	    "+0.01 < . 1 ack 1001 win 1000",
	    "+0.01 < . 1 ack 4001 win 4000");
	seg_write(&p, 10);
	PLAY(&p, "> P 4001:10 ack 1");
	seg_end(&p);
}

static void
small_reads_open_no_silly_window_rfc9293_3_8_6_2_2(void **state)
{
	char line[80];
	struct peer p;

	(void)state;
	seg_sysctl("tcp_rmem_default", 16000);
	seg_sysctl("tcp_rmem_max", 16000);
	seg_established(&p, "mss 1000", 4000);
	for (unsigned i = 0; i < 16; i++) {
		snprintf(line, sizeof(line), "< . %u:1000 ack 1",
		    i * 1000 + 1);
		PLAY(&p, line);
		seg_pass(&p, 0);
	}
	seg_pass(&p, 50000000);
	assert_int_equal(p.p_last.sg_win, 0);
	assert_int_equal(p.p_last.sg_ack - p.p_peeriss, 16001);
	seg_read(&p, 100);
	seg_read(&p, 800);
	PLAY(&p, "+1 -", "< . 16000 ack 1", "> . 1 ack 16001 win 0");
	seg_read(&p, 8000);
	PLAY(&p, "> . 1 ack 16001 win 8900");
	seg_end(&p);
	seg_sysctl("tcp_rmem_default", 131072);
	seg_sysctl("tcp_rmem_max", 6 << 20);
}

static void
data_beyond_the_window_is_cut_off(void **state)
{
	struct peer p;

	(void)state;
	seg_sysctl("tcp_rmem_default", 16000);
	seg_sysctl("tcp_rmem_max", 16000);
	seg_established(&p, "mss 1460", 4000);
	PLAY(&p, "< . 15001:1400 ack 1", "> . 1 ack 1",
	    "< . 1:15000 ack 1", "> . 1 ack 16001 win 0",
	    "< . 16001:100 ack 1", "> . 1 ack 16001 win 0");
	seg_read(&p, 16000);
	seg_end(&p);
	seg_sysctl("tcp_rmem_default", 131072);
	seg_sysctl("tcp_rmem_max", 6 << 20);
}

/* ---- Keep-alive: RFC 9293 3.8.4, tcp(7) --------------------------------------------- */

static void
kept(struct peer *p)
{
	seg_established(p, "mss 1000", 4000);
	seg_setopt(p, IPPROTO_TCP, TCP_KEEPIDLE, 10);
	seg_setopt(p, IPPROTO_TCP, TCP_KEEPINTVL, 2);
	seg_setopt(p, IPPROTO_TCP, TCP_KEEPCNT, 3);
	seg_setopt(p, SOL_SOCKET, SO_KEEPALIVE, 1);
	p->p_time = seg_now();
}

static void
keep_alive_ends_a_dead_connection(void **state)
{
	struct peer p;

	(void)state;
	kept(&p);
	PLAY(&p, "+10 > . 0 ack 1", "+2 > . 0 ack 1", "+2 > . 0 ack 1",
	    "+2 > R 1 ack 1", "+100 -");
	assert_int_equal(so_error(&p), ETIMEDOUT);
	seg_end(&p);
}

static void
keep_alive_is_satisfied_by_an_answer(void **state)
{
	struct peer p;

	(void)state;
	kept(&p);
	PLAY(&p, "+10 > . 0 ack 1", "+0.1 < . 1 ack 1 win 4000");
	PLAY(&p, "+10 > . 0 ack 1", "+2 > . 0 ack 1",
	    "+0.5 < . 1 ack 1 win 4000");
	seg_pass(&p, 10 * 1000000000ll);
	assert_int_equal(so_error(&p), 0);
	seg_end(&p);
}

static void
a_keep_alive_of_the_peer_is_answered(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 4000);
	PLAY(&p, "+100 < . 0 ack 1", "> . 1 ack 1", "+100 < . 0:1 ack 1",
	    "> . 1 ack 1");
	seg_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    initial_rto_is_a_second_and_doubles_rfc6298_2_1),
		cmocka_unit_test(
		    first_sample_makes_rto_thrice_the_rtt_rfc6298_2_2),
		cmocka_unit_test(further_samples_are_averaged_rfc6298_2_3),
		cmocka_unit_test(what_was_sent_twice_is_no_sample_rfc6298_3),
		cmocka_unit_test(news_restart_the_timer_rfc6298_5_3),
		cmocka_unit_test(
		    further_data_does_not_restart_the_timer_rfc6298_5_1),
		cmocka_unit_test(all_acknowledged_stops_the_timer_rfc6298_5_2),
		cmocka_unit_test(
		    rto_has_a_least_and_a_largest_value_rfc6298_2_4_and_2_5),
		cmocka_unit_test(
		    a_lost_syn_makes_the_next_rto_3_seconds_rfc6298_5_7),
		cmocka_unit_test(fifteen_time_outs_end_a_connection),
		cmocka_unit_test(user_timeout_ends_a_connection_tcp7),
		cmocka_unit_test(an_acknowledgement_waits_40_ms),
		cmocka_unit_test(
		    every_second_full_segment_is_acknowledged_at_once),
		cmocka_unit_test(data_carries_the_acknowledgement),
		cmocka_unit_test(
		    holes_and_their_filling_are_told_at_once_rfc5681_4_2),
		cmocka_unit_test(the_first_segments_are_acknowledged_at_once),
		cmocka_unit_test(
		    a_small_segment_waits_for_the_one_before_rfc9293_3_7_4),
		cmocka_unit_test(full_segments_do_not_wait),
		cmocka_unit_test(nodelay_sends_each_at_once),
		cmocka_unit_test(nodelay_sends_what_nagle_held),
		cmocka_unit_test(cork_holds_what_is_not_full_for_200_ms),
		cmocka_unit_test(msg_more_holds_until_a_send_without),
		cmocka_unit_test(
		    a_small_part_of_the_window_is_not_used_at_once_rfc9293_3_8_6_2_1),
		cmocka_unit_test(
		    half_of_the_largest_window_may_be_used_rfc9293_3_8_6_2_1),
		cmocka_unit_test(
		    a_closed_window_is_probed_with_back_off_rfc9293_3_8_6_1),
		cmocka_unit_test(
		    a_window_that_is_answered_closed_stays_open_for_hours),
		cmocka_unit_test(a_shrunk_window_is_lived_with),
		cmocka_unit_test(
		    small_reads_open_no_silly_window_rfc9293_3_8_6_2_2),
		cmocka_unit_test(data_beyond_the_window_is_cut_off),
		cmocka_unit_test(keep_alive_ends_a_dead_connection),
		cmocka_unit_test(keep_alive_is_satisfied_by_an_answer),
		cmocka_unit_test(a_keep_alive_of_the_peer_is_answered),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
