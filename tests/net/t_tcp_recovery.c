/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows and losses: RFC 6928 (initial window), RFC 5681, RFC 6582 (NewReno), RFC
 * 3042, RFC 8985 (RACK-TLP), RFC 6937 (PRR), RFC 5682 (F-RTO), RFC 3522 and 3708
 * (undo).
 *
 * Link: rump-netinet rump-portif
 */
#include "test.h"

#include <linux/tcp.h>
#include <netinet/in.h>
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

static struct tcp_info
info(const struct peer *p)
{
	struct tcp_info ti;
	socklen_t len = sizeof(ti);

	memset(&ti, 0, sizeof(ti));
	assert_int_equal(rump_sys_getsockopt(p->p_fd, IPPROTO_TCP, TCP_INFO,
	    &ti, &len), 0);
	return ti;
}

static void
congestion(const struct peer *p, const char *name)
{
	assert_int_equal(rump_sys_setsockopt(p->p_fd, IPPROTO_TCP,
	    TCP_CONGESTION, name, (socklen_t)strlen(name)), 0);
}

/* A round trip of 100 ms was measured: SRTT 100, RTO 300. */
static void
measured(struct peer *p, const char *syn, const char *ack)
{
	seg_listen(p);
	PLAY(p, syn, "> S 0 ack 1", ack);
	seg_accept(p);
	congestion(p, "reno");
}

static void
with_sack(struct peer *p)
{
	measured(p, "< S 0 mss 1000 sackok", "+0.1 < . 1 ack 1");
}

static void
without_sack(struct peer *p)
{
	measured(p, "< S 0 mss 1000", "+0.1 < . 1 ack 1");
}

/* n segments of 1000 bytes go out at once, and nothing else. */
static void
sends(struct peer *p, unsigned n, uint32_t from)
{
	struct segment sg;

	for (unsigned i = 0; i < n; i++) {
		assert_true(seg_get(p, &sg, 0));
		assert_int_equal(sg.sg_seq - p->p_iss, from + i * 1000);
		assert_int_equal(sg.sg_len, 1000);
	}
	assert_false(seg_get(p, &sg, 0));
	p->p_time = seg_now();
}

/* ---- Windows ---------------------------------------------------------------- */

static void
the_first_window_has_ten_segments_rfc6928_2(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 30000);
	sends(&p, 10, 1);
	seg_end(&p);
	/* 14600 bytes at most, where segments are large. */
	measured(&p, "< S 0 mss 1460 sackok", "+0.1 < . 1 ack 1");
	assert_int_equal(info(&p).tcpi_snd_cwnd, 10);
	seg_end(&p);
}

static void
slow_start_doubles_in_a_round_trip_rfc5681_3_1(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 60000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.1 < . 1 ack 10001");
	sends(&p, 20, 10001);
	assert_int_equal(info(&p).tcpi_snd_cwnd, 20);
	seg_end(&p);
}

static void
a_window_that_is_not_used_does_not_grow_rfc7661(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	for (unsigned i = 0; i < 5; i++) {
		seg_write(&p, 1000);
		sends(&p, 1, 1 + i * 1000);
		PLAY(&p, i == 0 ? "+0.1 < . 1 ack 1001" : i == 1 ?
		    "+0.1 < . 1 ack 2001" : i == 2 ? "+0.1 < . 1 ack 3001" :
		    i == 3 ? "+0.1 < . 1 ack 4001" : "+0.1 < . 1 ack 5001");
	}
	assert_int_equal(info(&p).tcpi_snd_cwnd, 10);
	seg_end(&p);
}

static void
a_time_out_leaves_one_segment_rfc5681_3_1(void **state)
{
	struct tcp_info ti;
	struct peer p;

	(void)state;
	without_sack(&p);
	seg_write(&p, 10000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.3 > . 1:1000 ack 1");
	ti = info(&p);
	assert_int_equal(ti.tcpi_snd_cwnd, 1);
	assert_int_equal(ti.tcpi_snd_ssthresh, 5);
	PLAY(&p, "+0.1 < . 1 ack 1001", "> . 1001:1000 ack 1",
	    "> . 2001:1000 ack 1");
	seg_end(&p);
}

/* ---- NewReno ------------------------------------------------------------------ */

static void
two_duplicates_let_new_segments_go_rfc3042_2(void **state)
{
	struct peer p;

	(void)state;
	without_sack(&p);
	seg_write(&p, 20000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.1 < . 1 ack 1", "> . 10001:1000 ack 1",
	    "< . 1 ack 1", "> . 11001:1000 ack 1");
	seg_end(&p);
}

static void
three_duplicates_are_a_loss_rfc5681_3_2(void **state)
{
	struct peer p;

	(void)state;
	without_sack(&p);
	seg_write(&p, 10000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.1 < . 1 ack 1", "< . 1 ack 1", "-", "< . 1 ack 1",
	    "> . 1:1000 ack 1");
	assert_int_equal(info(&p).tcpi_snd_ssthresh, 5);
	/* RFC 6582 3.2: a partial acknowledgement means the next is lost. */
	PLAY(&p, "+0.1 < . 1 ack 4001", "> . 4001:1000 ack 1",
	    "+0.1 < . 1 ack 10001");
	assert_in_range(info(&p).tcpi_snd_cwnd, 1, 5);
	seg_end(&p);
}

/* ---- RACK-TLP ------------------------------------------------------------------- */

static void
a_probe_follows_after_two_round_trips_rfc8985_7_2(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 3000);
	sends(&p, 3, 1);
	PLAY(&p, "+0.2 > P 2001:1000 ack 1", "+0.3 > . 1:1000 ack 1");
	seg_end(&p);
}

static void
a_probe_is_new_data_where_there_is_some_rfc8985_7_3(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 12000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.2 > . 10001:1000 ack 1");
	seg_end(&p);
}

static void
a_probe_of_one_segment_waits_for_the_delayed_ack_rfc8985_7_2(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 1000);
	sends(&p, 1, 1);
	/* 2 SRTT and 200 ms would be later than the RTO: then instead of it. */
	PLAY(&p, "+0.3 > P 1:1000 ack 1", "+0.3 > P 1:1000 ack 1");
	seg_end(&p);
}

static void
a_loss_that_the_probe_repaired_reduces_the_window_rfc8985_7_4(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 3000);
	sends(&p, 3, 1);
	PLAY(&p, "+0.1 < . 1 ack 2001", "+0.2 -");
	seg_pass(&p, 200000000);
	assert_int_equal(p.p_last.sg_seq - p.p_iss, 2001);
	PLAY(&p, "+0.05 < . 1 ack 3001");
	assert_true(info(&p).tcpi_snd_ssthresh < 10);
	seg_end(&p);
}

static void
a_needless_probe_reduces_nothing_rfc8985_7_4(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 3000);
	sends(&p, 3, 1);
	PLAY(&p, "+0.2 > P 2001:1000 ack 1",
	    "+0.01 < . 1 ack 3001", "+0.1 < . 1 ack 3001 sack 2001-3001");
	assert_true(info(&p).tcpi_snd_ssthresh > 1000);
	seg_end(&p);
}

static void
three_sacked_segments_are_a_loss_at_once_rfc8985_6_2(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 10000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.1 < . 1 ack 1 sack 1001-2001",
	    "< . 1 ack 1 sack 1001-3001", "-",
	    "< . 1 ack 1 sack 1001-4001", "> . 1:1000 ack 1",
	    "+0.1 < . 1 ack 10001");
	assert_int_equal(info(&p).tcpi_snd_ssthresh, 5);
	assert_int_equal(info(&p).tcpi_snd_cwnd, 5);
	seg_end(&p);
}

static void
fewer_wait_a_quarter_of_the_round_trip_rfc8985_6_2(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 3000);
	sends(&p, 3, 1);
	PLAY(&p, "+0.1 < . 1 ack 1 sack 1001-2001",
	    "+0.025 > . 1:1000 ack 1");
	seg_end(&p);
}

static void
reordering_within_the_window_is_no_loss_rfc8985_6_2(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 3000);
	sends(&p, 3, 1);
	PLAY(&p, "+0.1 < . 1 ack 1 sack 1001-2001", "+0.02 < . 1 ack 3001",
	    "+1 -");
	assert_int_equal(info(&p).tcpi_snd_cwnd, 10);
	assert_int_equal(info(&p).tcpi_total_retrans, 0);
	seg_end(&p);
}

static void
a_lost_retransmission_is_sent_again_rfc8985_3_2(void **state)
{
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 20000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.1 < . 1 ack 1 sack 1001-5001", "> . 1:1000 ack 1");
	seg_pass(&p, 0);
	PLAY(&p, "+0.01 < . 1 ack 1 sack 1001-10001");
	seg_pass(&p, 0);
	/* What was sent behind it arrives, it does not. */
	PLAY(&p, "+0.1 < . 1 ack 1 sack 1001-12001");
	seg_pass(&p, 30000000);
	assert_int_equal(info(&p).tcpi_snd_ssthresh, 5);
	assert_true(info(&p).tcpi_total_retrans >= 2);
	seg_end(&p);
}

/* RFC 6937 4: a segment for every second that arrives, Reno's half. */
static void
prr_sends_in_proportion_rfc6937_3(void **state)
{
	struct segment sg;
	struct peer p;
	unsigned n = 0;

	(void)state;
	with_sack(&p);
	seg_write(&p, 60000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.1 < . 1 ack 10001");
	sends(&p, 20, 10001);
	PLAY(&p, "+0.1 < . 1 ack 10001 sack 11001-14001",
	    "> . 10001:1000 ack 1");
	for (uint32_t end = 15001; end <= 30001; end += 1000) {
		struct segment ack = { .sg_flags = 0x10, .sg_win = 65535,
		    .sg_mss = -1, .sg_ws = -1, .sg_seq = p.p_peeriss + 1,
		    .sg_ack = p.p_iss + 10001, .sg_nsack = 1,
		    .sg_sack = { { p.p_iss + 11001, p.p_iss + end } } };

		seg_put(&p, &ack);
		while (seg_get(&p, &sg, 0))
			n++;
	}
	/* 20 were in flight, 10 are to be; one was sent before. */
	assert_in_range(n, 8, 10);
	seg_end(&p);
}

/* ---- It was no loss ------------------------------------------------------------------ */

static void
dsack_undoes_a_reduction_rfc3708(void **state)
{
	uint64_t was = seg_stat("tcp_undos");
	struct peer p;

	(void)state;
	with_sack(&p);
	seg_write(&p, 10000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.1 < . 1 ack 1 sack 1001-4001", "> . 1:1000 ack 1",
	    "+0.01 < . 1 ack 9001 sack 1-1001");
	assert_int_equal(seg_stat("tcp_undos"), was + 1);
	assert_in_range(info(&p).tcpi_snd_cwnd, 10, 20);
	assert_true(info(&p).tcpi_snd_ssthresh > 1000);
	seg_end(&p);
}

static void
an_echo_of_before_undoes_a_reduction_rfc3522(void **state)
{
	uint64_t was = seg_stat("tcp_undos");
	struct peer p;

	(void)state;
	measured(&p, "< S 0 mss 1012 sackok ts 100/0",
	    "+0.1 < . 1 ack 1 ts 200/0");
	seg_write(&p, 10000);
	sends(&p, 10, 1);
	/* Sent at 100, sent again at 200. */
	PLAY(&p, "+0.1 < . 1 ack 1 sack 1001-4001 ts 300/100",
	    "> . 1:1000 ack 1 ts 200/300",
	    "+0.01 < . 1 ack 5001 ts 301/100");
	assert_int_equal(seg_stat("tcp_undos"), was + 1);
	assert_in_range(info(&p).tcpi_snd_cwnd, 10, 20);
	seg_end(&p);
}

static void
a_real_loss_is_not_undone(void **state)
{
	uint64_t was = seg_stat("tcp_undos");
	struct peer p;

	(void)state;
	measured(&p, "< S 0 mss 1012 sackok ts 100/0",
	    "+0.1 < . 1 ack 1 ts 200/0");
	seg_write(&p, 10000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.1 < . 1 ack 1 sack 1001-4001 ts 300/100",
	    "> . 1:1000 ack 1 ts 200/300",
	    "+0.1 < . 1 ack 10001 ts 400/200");
	assert_int_equal(seg_stat("tcp_undos"), was);
	assert_int_equal(info(&p).tcpi_snd_cwnd, 5);
	seg_end(&p);
}

static void
frto_sees_that_only_time_passed_rfc5682_2_1(void **state)
{
	uint64_t was = seg_stat("tcp_undos");
	struct peer p;

	(void)state;
	without_sack(&p);
	seg_write(&p, 20000);
	sends(&p, 10, 1);
	PLAY(&p, "+0.3 > . 1:1000 ack 1",
	    /* The original arrives late: two new segments (step 2b). */
	    "+0.1 < . 1 ack 1001", "> . 10001:1000 ack 1",
	    "> . 11001:1000 ack 1",
	    /* So does the next, which was not sent again (step 3b). */
	    "+0.01 < . 1 ack 2001");
	assert_int_equal(seg_stat("tcp_undos"), was + 1);
	assert_true(info(&p).tcpi_snd_cwnd >= 10);
	seg_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_window_has_ten_segments_rfc6928_2),
		cmocka_unit_test(
		    slow_start_doubles_in_a_round_trip_rfc5681_3_1),
		cmocka_unit_test(
		    a_window_that_is_not_used_does_not_grow_rfc7661),
		cmocka_unit_test(a_time_out_leaves_one_segment_rfc5681_3_1),
		cmocka_unit_test(two_duplicates_let_new_segments_go_rfc3042_2),
		cmocka_unit_test(three_duplicates_are_a_loss_rfc5681_3_2),
		cmocka_unit_test(
		    a_probe_follows_after_two_round_trips_rfc8985_7_2),
		cmocka_unit_test(
		    a_probe_is_new_data_where_there_is_some_rfc8985_7_3),
		cmocka_unit_test(
		    a_probe_of_one_segment_waits_for_the_delayed_ack_rfc8985_7_2),
		cmocka_unit_test(
		    a_loss_that_the_probe_repaired_reduces_the_window_rfc8985_7_4),
		cmocka_unit_test(a_needless_probe_reduces_nothing_rfc8985_7_4),
		cmocka_unit_test(
		    three_sacked_segments_are_a_loss_at_once_rfc8985_6_2),
		cmocka_unit_test(
		    fewer_wait_a_quarter_of_the_round_trip_rfc8985_6_2),
		cmocka_unit_test(
		    reordering_within_the_window_is_no_loss_rfc8985_6_2),
		cmocka_unit_test(
		    a_lost_retransmission_is_sent_again_rfc8985_3_2),
		cmocka_unit_test(prr_sends_in_proportion_rfc6937_3),
		cmocka_unit_test(dsack_undoes_a_reduction_rfc3708),
		cmocka_unit_test(an_echo_of_before_undoes_a_reduction_rfc3522),
		cmocka_unit_test(a_real_loss_is_not_undone),
		cmocka_unit_test(frto_sees_that_only_time_passed_rfc5682_2_1),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
