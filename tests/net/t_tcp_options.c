/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What TCP's options and its neighbours agree on: RFC 7323 (window scale, time
 * stamps, PAWS), RFC 2018 and 2883 (SACK, as a receiver), RFC 3168 (ECN), SYN
 * cookies (RFC 4987), urgent data (RFC 6093), path MTU (RFC 1191, RFC 5927).
 *
 * Link: rump-netinet rump-portif
 */
#include "test.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

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

/* ---- MSS, window scale ------------------------------------------------------ */

static void
without_the_option_segments_have_536_bytes_rfc9293_3_7_1(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "", 8000);
	seg_write(&p, 600);
	PLAY(&p, "> . 1:536 ack 1", "> P 537:64 ack 1");
	seg_end(&p);
}

static void
time_stamps_count_towards_the_mss_rfc6691(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000 ts 100/0", 8000);
	seg_write(&p, 1000);
	PLAY(&p, "> . 1:988 ack 1 ts */100", "> P 989:12 ack 1");
	seg_end(&p);
}

static void
tcp_maxseg_bounds_both_directions(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	seg_setopt(&p, IPPROTO_TCP, TCP_MAXSEG, 700);
	PLAY(&p, "< S 0 mss 1460", "> S 0 ack 1 mss 700",
	    "< . 1 ack 1 win 8000");
	seg_accept(&p);
	seg_write(&p, 800);
	PLAY(&p, "> . 1:700 ack 1", "> P 701:100 ack 1");
	seg_end(&p);
}

static void
a_tiny_mss_does_not_make_tiny_segments(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1", 8000);
	seg_write(&p, 60);
	PLAY(&p, "> . 1:48 ack 1", "> P 49:12 ack 1");
	seg_end(&p);
}

static void
a_scale_of_0_is_a_scale_rfc7323_2_2(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 mss 1000 ws 0", "> S 0 ack 1 ws 7 win 65535",
	    "< . 1 ack 1 win 1000", "< P 1:100 ack 1",
	    /* What we tell is scaled now. */
	    "> . 1 ack 101 win 1024");
	seg_accept(&p);
	seg_write(&p, 3000);
	PLAY(&p, "> . 1:1000 ack 101");
	seg_end(&p);
}

static void
a_scale_of_14_is_a_gigabyte_rfc7323_2_3(void **state)
{
	struct tcp_info ti;
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 mss 1000 ws 14", "> S 0 ack 1 ws 7",
	    "< . 1 ack 1 win 65535");
	seg_accept(&p);
	ti = info(&p);
	assert_int_equal(ti.tcpi_snd_wscale, 14);
	assert_int_equal(ti.tcpi_rcv_wscale, 7);
	PLAY(&p, "< . 1 ack 1 win 1");
	seg_write(&p, 16384);
	seg_pass(&p, 0);
	assert_int_equal(p.p_last.sg_seq + p.p_last.sg_len - p.p_iss,
	    info(&p).tcpi_snd_cwnd * 1000 + 1);
	seg_end(&p);
}

static void
a_scale_above_14_is_taken_as_14_rfc7323_2_3(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 mss 1000 ws 200", "> S 0 ack 1 ws 7",
	    "< . 1 ack 1 win 1");
	seg_accept(&p);
	assert_int_equal(info(&p).tcpi_snd_wscale, 14);
	seg_end(&p);
}

static void
the_window_of_a_syn_is_not_scaled_rfc7323_2_2(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0 ws 7", "< S 0 ack 1 win 1000 mss 500 ws 8",
	    "> . 1 ack 1");
	seg_write(&p, 3000);
	PLAY(&p, "> . 1:500 ack 1", "> . 501:500 ack 1", "+0.01 -");
	seg_end(&p);
}

static void
no_scale_without_the_peers_rfc7323_2_2(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0 ws 7 win 65535", "< S 0 ack 1 win 1000 mss 500",
	    "> . 1 ack 1 win 65535");
	assert_int_equal(info(&p).tcpi_options & TCPI_OPT_WSCALE, 0);
	seg_end(&p);
}

/* ---- Time stamps, PAWS: RFC 7323 3 to 5 --------------------------------------- */

static void
stamped(struct peer *p)
{
	seg_established(p, "mss 1000 ts 100/0", 8000);
}

static void
every_segment_has_a_time_stamp_rfc7323_3_2(void **state)
{
	struct peer p;

	(void)state;
	stamped(&p);
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1 ts 0/100",
	    "+0.05 < P 1:10 ack 11 ts 150/0", "+0.04 > . 11 ack 11 ts 90/150",
	    "+1 < . 900000 ack 11 ts 151/0", "> . 11 ack 11 ts 1090/150");
	seg_end(&p);
}

static void
the_earliest_unacknowledged_stamp_is_echoed_rfc7323_4_3(void **state)
{
	struct peer p;

	(void)state;
	stamped(&p);
	seg_setopt(&p, IPPROTO_TCP, TCP_QUICKACK, 0);
	PLAY(&p, "< . 1:1000 ack 1 ts 110/0", "< . 1001:1000 ack 1 ts 120/0",
	    "> . 1 ack 2001 ts */110");
	seg_end(&p);
}

static void
a_stamp_beyond_a_hole_is_not_echoed_rfc7323_4_3(void **state)
{
	struct peer p;

	(void)state;
	stamped(&p);
	PLAY(&p, "< . 1001:1000 ack 1 ts 120/0", "> . 1 ack 1 ts */100",
	    "< . 1:1000 ack 1 ts 130/0", "> . 1 ack 2001 ts */130");
	seg_end(&p);
}

static void
an_older_stamp_is_dropped_and_answered_rfc7323_5_3(void **state)
{
	uint64_t was = seg_stat("tcp_paws");
	struct peer p;

	(void)state;
	stamped(&p);
	PLAY(&p, "< P 1:10 ack 1 ts 200/0", "> . 1 ack 11 ts */200",
	    "< P 11:10 ack 1 ts 199/0", "> . 1 ack 11 ts */200",
	    "< P 11:10 ack 1 ts 200/0", "> . 1 ack 21 ts */200");
	seg_read(&p, 20);
	assert_int_equal(seg_stat("tcp_paws"), was + 1);
	seg_end(&p);
}

static void
stamps_wrap_rfc7323_5_2(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< S 0 mss 1000 ts 4294967290/0", "> S 0 ack 1",
	    "< . 1 ack 1 ts 4294967295/0",
	    "< P 1:10 ack 1 ts 3/0", "> . 1 ack 11 ts */3",
	    "< P 11:10 ack 1 ts 4294967294/0", "> . 1 ack 11 ts */3");
	seg_accept(&p);
	seg_end(&p);
}

static void
a_segment_without_a_stamp_is_dropped_rfc7323_3_2(void **state)
{
	struct peer p;

	(void)state;
	stamped(&p);
	PLAY(&p, "< P 1:10 ack 1", "+1 -");
	/* But for resets. */
	PLAY(&p, "< R 1", "-");
	assert_int_equal(info(&p).tcpi_state, 7);
	seg_end(&p);
}

static void
after_24_days_any_stamp_is_taken_rfc7323_5_5(void **state)
{
	struct peer p;

	(void)state;
	stamped(&p);
	PLAY(&p, "+2160000 < P 1:10 ack 1 ts 50/0", "> . 1 ack 11 ts */50");
	seg_end(&p);
}

static void
no_stamps_where_the_peer_has_none_rfc7323_3_2(void **state)
{
	struct peer p;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0 ts 0/0", "< S 0 ack 1 mss 1000",
	    "> . 1 ack 1 ts none");
	seg_end(&p);
}

/* ---- SACK: RFC 2018 4, RFC 2883 -------------------------------------------------- */

static void
no_sack_where_the_peer_does_not_permit_it_rfc2018_2(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	PLAY(&p, "< . 1001:1000 ack 1", "> . 1 ack 1");
	seg_end(&p);
}

/* RFC 2018 4, case 2 of its examples. */
static void
the_first_of_eight_is_lost_rfc2018_7(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 500 sackok", 8000);
	PLAY(&p, "< . 501:500 ack 1", "> . 1 ack 1 sack 501-1001",
	    "< . 1001:500 ack 1", "> . 1 ack 1 sack 501-1501",
	    "< . 1501:500 ack 1", "> . 1 ack 1 sack 501-2001",
	    "< . 1:500 ack 1", "> . 1 ack 2001");
	seg_end(&p);
}

/* Case 3: 2nd, 4th, 6th, 8th are lost; then the 4th comes, and the 2nd. */
static void
the_latest_block_comes_first_rfc2018_4(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 500 sackok", 8000);
	PLAY(&p, "< . 1:500 ack 1", "> . 1 ack 501",
	    "< . 1001:500 ack 1", "> . 1 ack 501 sack 1001-1501",
	    "< . 2001:500 ack 1", "> . 1 ack 501 sack 2001-2501,1001-1501",
	    "< . 3001:500 ack 1",
	    "> . 1 ack 501 sack 3001-3501,2001-2501,1001-1501",
	    "< . 1501:500 ack 1", "> . 1 ack 501 sack 1001-2501,3001-3501",
	    "< . 501:500 ack 1", "> . 1 ack 2501 sack 3001-3501",
	    "< . 2501:500 ack 1", "> . 1 ack 3501");
	seg_end(&p);
}

static void
four_blocks_fit_and_three_with_time_stamps_rfc2018_3(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 500 sackok", 8000);
	PLAY(&p, "< . 101:10 ack 1", "> . 1 ack 1 sack 101-111",
	    "< . 201:10 ack 1", "> . 1 ack 1 sack 201-211,101-111",
	    "< . 301:10 ack 1", "> . 1 ack 1 sack 301-311,201-211,101-111",
	    "< . 401:10 ack 1",
	    "> . 1 ack 1 sack 401-411,301-311,201-211,101-111",
	    "< . 501:10 ack 1",
	    "> . 1 ack 1 sack 501-511,401-411,301-311,201-211");
	seg_end(&p);
	seg_established(&p, "mss 500 sackok ts 100/0", 8000);
	PLAY(&p, "< . 101:10 ack 1 ts 100/0", "> . 1 ack 1 sack 101-111",
	    "< . 201:10 ack 1 ts 100/0", "> . 1 ack 1 sack 201-211,101-111",
	    "< . 301:10 ack 1 ts 100/0",
	    "> . 1 ack 1 sack 301-311,201-211,101-111",
	    "< . 401:10 ack 1 ts 100/0",
	    "> . 1 ack 1 sack 401-411,301-311,201-211");
	seg_end(&p);
}

static void
a_duplicate_is_reported_rfc2883_4_1(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 500 sackok", 8000);
	PLAY(&p, "< . 1:500 ack 1", "> . 1 ack 501", "< . 1:500 ack 1",
	    "> . 1 ack 501 sack 1-501",
	    /* Once. */
	    "< . 501:500 ack 1", "> . 1 ack 1001");
	seg_end(&p);
}

static void
a_duplicate_out_of_order_is_reported_in_its_block_rfc2883_4_1_3(
    void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 500 sackok", 8000);
	PLAY(&p, "< . 501:500 ack 1", "> . 1 ack 1 sack 501-1001",
	    "< . 1001:500 ack 1", "> . 1 ack 1 sack 501-1501",
	    "< . 1001:500 ack 1", "> . 1 ack 1 sack 1001-1501,501-1501");
	seg_end(&p);
}

static void
a_partial_duplicate_is_reported_rfc2883_4_2(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 500 sackok", 8000);
	PLAY(&p, "< . 1:500 ack 1", "> . 1 ack 501", "< . 251:500 ack 1",
	    "> . 1 ack 751 sack 251-501");
	seg_read(&p, 750);
	seg_end(&p);
}

/* ---- ECN: RFC 3168 6.1 ------------------------------------------------------------ */

static void
ecn_is_agreed_on_when_the_peer_asks_rfc3168_6_1_1(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< SEW 0 mss 1000", "> SE 0 ack 1 ecn 0",
	    "< . 1 ack 1 win 8000");
	seg_accept(&p);
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1 ecn 2", "< . 1 ack 11 win 8000",
	    /* A pure acknowledgement is not ECT (6.1.4). */
	    "< . 1:10 ack 11", "+0.04 > . 11 ack 11 ecn 0");
	seg_end(&p);
}

static void
ecn_is_not_agreed_on_by_halves_rfc3168_6_1_1(void **state)
{
	struct peer p;

	(void)state;
	seg_listen(&p);
	PLAY(&p, "< SE 0 mss 1000", "> S 0 ack 1", "< . 1 ack 1 win 8000");
	seg_accept(&p);
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1 ecn 0");
	seg_end(&p);
	seg_listen(&p);
	PLAY(&p, "< S 0 mss 1000", "> S 0 ack 1", "< . 1 ack 1 win 8000");
	seg_end(&p);
}

static void
ecn_asked_for_starts_with_a_full_window_rfc3168_6_1_1(void **state)
{
	struct tcp_info ti;
	struct peer p;

	(void)state;
	seg_sysctl("tcp_ecn", 1);
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> SEW 0 ecn 0", "+0.1 < SE 0 ack 1 mss 1000",
	    "> . 1 ack 1 ecn 0");
	ti = info(&p);
	assert_int_equal(ti.tcpi_snd_cwnd, 10);
	assert_true(ti.tcpi_snd_ssthresh > 1000000);
	assert_true((ti.tcpi_options & TCPI_OPT_ECN) != 0);
	seg_write(&p, 10);
	/* The agreement was no congestion: no CWR. */
	PLAY(&p, "> P 1:10 ack 1 ecn 2");
	seg_end(&p);
	seg_sysctl("tcp_ecn", 2);
}

static void
a_refusal_of_ecn_is_taken_rfc3168_6_1_1(void **state)
{
	struct peer p;

	(void)state;
	seg_sysctl("tcp_ecn", 1);
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> SEW 0", "< S 0 ack 1 mss 1000", "> . 1 ack 1");
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1 ecn 0");
	seg_end(&p);
	/* A peer that reflects the bits does not know them. */
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> SEW 0", "< SEW 0 ack 1 mss 1000", "> . 1 ack 1");
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1 ecn 0");
	seg_end(&p);
	seg_sysctl("tcp_ecn", 2);
}

static void
a_repeated_syn_asks_for_no_ecn_rfc3168_6_1_1_1(void **state)
{
	struct peer p;

	(void)state;
	seg_sysctl("tcp_ecn", 1);
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> SEW 0", "+1 > S 0");
	seg_end(&p);
	seg_sysctl("tcp_ecn", 2);
}

static void
ecn_agreed(struct peer *p)
{
	seg_listen(p);
	PLAY(p, "< SEW 0 mss 1000", "> SE 0 ack 1", "+0.1 < . 1 ack 1");
	seg_accept(p);
}

static void
a_mark_is_told_until_cwr_rfc3168_6_1_3(void **state)
{
	struct peer p;

	(void)state;
	ecn_agreed(&p);
	PLAY(&p, "< . 1:1000 ack 1 ecn 3", "> E 1 ack 1001",
	    "< . 1001:1000 ack 1 ecn 2", "> E 1 ack 2001",
	    "< W 2001:1000 ack 1 ecn 2", "> . 1 ack 3001",
	    "< W 3001:1000 ack 1 ecn 3", "> E 1 ack 4001");
	seg_end(&p);
}

static void
an_echo_reduces_the_window_once_a_round_trip_rfc3168_6_1_2(void **state)
{
	struct tcp_info ti;
	struct peer p;

	(void)state;
	seg_sysctl("tcp_rto_min", 1000);
	ecn_agreed(&p);
	seg_write(&p, 12000);
	seg_pass(&p, 100000000);
	PLAY(&p, "< E 1 ack 1001");
	ti = info(&p);
	assert_in_range(ti.tcpi_snd_ssthresh, 5, 8);
	/* The next new data has CWR. */
	PLAY(&p, "< E 1 ack 5001");
	seg_pass(&p, 0);
	assert_int_equal(info(&p).tcpi_snd_ssthresh, ti.tcpi_snd_ssthresh);
	assert_true((p.p_last.sg_flags & 0x80) != 0 ||
	    p.p_last.sg_seq - p.p_iss != 10001);
	PLAY(&p, "< . 1 ack 10001");
	seg_end(&p);
	seg_sysctl("tcp_rto_min", 200);
}

static void
what_is_sent_again_is_not_ect_rfc3168_6_1_5(void **state)
{
	struct peer p;

	(void)state;
	ecn_agreed(&p);
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1 ecn 2", "+0.3 > P 1:10 ack 1 ecn 0");
	seg_end(&p);
}

/* ---- SYN cookies, floods: RFC 4987 ------------------------------------------------- */

static void
a_cookie_keeps_no_state_and_all_options(void **state)
{
	uint64_t halfopen = seg_stat("tcp_halfopen");
	struct tcp_info ti;
	struct peer p;

	(void)state;
	seg_sysctl("tcp_syncookies", 2);
	seg_listen(&p);
	PLAY(&p, "< S 0 mss 1400 sackok ts 100/0 ws 9",
	    "> S 0 ack 1 mss 1460 sackok ws 7");
	assert_int_equal(seg_stat("tcp_halfopen"), halfopen);
	/* It is not sent again. */
	PLAY(&p, "+20 < . 1 ack 1 win 100 ts 120/0");
	seg_accept(&p);
	ti = info(&p);
	assert_int_equal(ti.tcpi_snd_wscale, 9);
	assert_int_equal(ti.tcpi_options & (TCPI_OPT_SACK |
	    TCPI_OPT_TIMESTAMPS | TCPI_OPT_WSCALE), TCPI_OPT_SACK |
	    TCPI_OPT_TIMESTAMPS | TCPI_OPT_WSCALE);
	seg_write(&p, 2000);
	PLAY(&p, "> . 1:1388 ack 1 ts */120", "> P 1389:612 ack 1");
	seg_end(&p);
	seg_sysctl("tcp_syncookies", 1);
}

static void
a_cookie_without_time_stamps_keeps_the_mss(void **state)
{
	struct peer p;

	(void)state;
	seg_sysctl("tcp_syncookies", 2);
	seg_listen(&p);
	PLAY(&p, "< S 0 mss 1300 sackok ws 9",
	    "> S 0 ack 1 mss 1460 nosackok ws none",
	    "+1 < . 1 ack 1 win 8000");
	seg_accept(&p);
	seg_write(&p, 2000);
	PLAY(&p, "> . 1:1300 ack 1", "> P 1301:700 ack 1");
	seg_end(&p);
	seg_sysctl("tcp_syncookies", 1);
}

static void
a_forged_or_stale_cookie_is_reset(void **state)
{
	struct peer p;

	(void)state;
	seg_sysctl("tcp_syncookies", 2);
	seg_listen(&p);
	PLAY(&p, "< S 0 mss 1300", "> S 0 ack 1", "< . 1 ack 2", "> R 2",
	    "< . 1 ack 257", "> R 257", "< . 2 ack 1", "> R 1",
	    "+200 < . 1 ack 1", "> R 1");
	seg_end(&p);
	seg_sysctl("tcp_syncookies", 1);
}

static void
a_flood_of_syns_takes_bounded_memory_and_service_goes_on(void **state)
{
	struct segment syn = { .sg_flags = 2, .sg_mss = 1000, .sg_ws = -1,
	    .sg_win = 8000 }, got;
	struct peer p, honest;

	(void)state;
	seg_sysctl("tcp_max_syn_backlog", 100);
	seg_listen(&p);
	honest = p;
	for (unsigned i = 0; i < 5000; i++) {
		p.p_port = (uint16_t)(1024 + i);
		syn.sg_seq = i * 7919;
		seg_put(&p, &syn);
		assert_true(seg_get(&p, &got, 0));
	}
	assert_in_range(seg_stat("tcp_halfopen"), 50, 100);
	p = honest;
	p.p_time = seg_now();
	PLAY(&p, "< S 0 mss 1300", "> S 0 ack 1", "+0.5 < . 1 ack 1");
	seg_accept(&p);
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1");
	seg_pass(&p, 100 * 1000000000ll);
	assert_int_equal(seg_stat("tcp_halfopen"), 0);
	seg_end(&p);
	seg_sysctl("tcp_max_syn_backlog", 4096);
}

/* ---- Urgent data: RFC 9293 3.8.5, RFC 6093 ------------------------------------------- */

static void
an_urgent_byte_leaves_the_stream(void **state)
{
	struct peer p;
	char buf[20];
	struct pollfd pfd;
	int mark;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	PLAY(&p, "< P 1:10 ack 1 urg 5", "> . 1 ack 11");
	pfd = (struct pollfd){ .fd = p.p_fd, .events = POLLPRI };
	assert_int_equal(rump_sys_poll(&pfd, 1, 0), 1);
	assert_int_equal(rump_sys_recvfrom(p.p_fd, buf, 1, MSG_OOB, NULL,
	    NULL), 1);
	assert_int_equal((uint8_t)buf[0], seg_pattern(4));
	/* Reading stops at the mark. */
	assert_int_equal(rump_sys_read(p.p_fd, buf, sizeof(buf)), 4);
	assert_int_equal(rump_sys_ioctl(p.p_fd, SIOCATMARK, &mark), 0);
	assert_int_equal(mark, 1);
	assert_int_equal(rump_sys_read(p.p_fd, buf, sizeof(buf)), 5);
	assert_int_equal((uint8_t)buf[0], seg_pattern(5));
	seg_end(&p);
}

static void
the_pointer_may_come_before_its_data(void **state)
{
	struct peer p;
	char c;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	PLAY(&p, "< U 1 ack 1 urg 5", "-");
	assert_int_equal(rump_sys_recvfrom(p.p_fd, &c, 1, MSG_OOB, NULL,
	    NULL), -1);
	assert_int_equal(errno, EAGAIN);
	PLAY(&p, "< P 1:5 ack 1", "> . 1 ack 6");
	assert_int_equal(rump_sys_recvfrom(p.p_fd, &c, 1, MSG_OOB, NULL,
	    NULL), 1);
	assert_int_equal((uint8_t)c, seg_pattern(4));
	seg_end(&p);
}

static void
msg_oob_sets_the_pointer_behind_the_byte_rfc6093_2(void **state)
{
	struct peer p;
	uint8_t buf[4];

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	for (unsigned i = 0; i < 4; i++)
		buf[i] = seg_pattern(i);
	assert_int_equal(rump_sys_sendto(p.p_fd, buf, 4, MSG_OOB, NULL, 0),
	    4);
	PLAY(&p, "> PU 1:4 ack 1 urg 4", "< . 1 ack 5");
	seg_end(&p);
}

static void
urgent_data_may_stay_inline(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1000", 8000);
	seg_setopt(&p, SOL_SOCKET, SO_OOBINLINE, 1);
	PLAY(&p, "< P 1:10 ack 1 urg 5", "> . 1 ack 11");
	seg_read(&p, 10);
	seg_end(&p);
}

/* ---- ICMP: RFC 1191, RFC 5927, RFC 5461 ---------------------------------------------- */

static void
too_big_is_sent_again_in_smaller_segments_rfc1191_6_4(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 1460", 8000);
	seg_write(&p, 1460);
	PLAY(&p, "> P 1:1460 ack 1");
	seg_icmp(&p, 3, 4, 1000, 1);
	PLAY(&p, "> . 1:960 ack 1", "> P 961:500 ack 1");
	seg_end(&p);
	/* It is the path's; what we offer to receive is not less. */
	seg_listen(&p);
	PLAY(&p, "< S 0 mss 1460", "> S 0 ack 1 mss 1460",
	    "< . 1 ack 1");
	seg_accept(&p);
	seg_write(&p, 1000);
	PLAY(&p, "> . 1:960 ack 1", "> P 961:40 ack 1");
	seg_end(&p);
}

static void
too_big_about_what_is_not_out_is_ignored_rfc5927_4_1(void **state)
{
	struct peer p;

	(void)state;
	seg_established(&p, "mss 900", 8000);
	seg_write(&p, 900);
	PLAY(&p, "> P 1:900 ack 1");
	seg_icmp(&p, 3, 4, 600, 100000);
	seg_icmp(&p, 3, 4, 600, 0xffff0000u);
	PLAY(&p, "+0.1 -", "< . 1 ack 901");
	seg_end(&p);
	/* Nor do others hear of it. */
	seg_established(&p, "mss 900", 8000);
	seg_write(&p, 900);
	PLAY(&p, "> P 1:900 ack 1", "< . 1 ack 901");
	seg_end(&p);
}

static void
unreachable_refuses_a_connection_and_ends_none_rfc5461(void **state)
{
	socklen_t len = sizeof(int);
	struct peer p;
	int error;

	(void)state;
	seg_socket(&p);
	seg_connect(&p);
	PLAY(&p, "> S 0");
	seg_icmp(&p, 3, 3, 0, 0);
	assert_int_equal(rump_sys_getsockopt(p.p_fd, SOL_SOCKET, SO_ERROR,
	    &error, &len), 0);
	assert_int_equal(error, ECONNREFUSED);
	seg_end(&p);
	seg_established(&p, "mss 900", 8000);
	seg_write(&p, 900);
	PLAY(&p, "> P 1:900 ack 1");
	seg_icmp(&p, 3, 1, 0, 1);
	assert_int_equal(rump_sys_read(p.p_fd, &error, 1), -1);
	assert_int_equal(errno, EAGAIN);
	PLAY(&p, "+0.2 > P 1:900 ack 1", "< . 1 ack 901");
	seg_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    without_the_option_segments_have_536_bytes_rfc9293_3_7_1),
		cmocka_unit_test(time_stamps_count_towards_the_mss_rfc6691),
		cmocka_unit_test(tcp_maxseg_bounds_both_directions),
		cmocka_unit_test(a_tiny_mss_does_not_make_tiny_segments),
		cmocka_unit_test(a_scale_of_0_is_a_scale_rfc7323_2_2),
		cmocka_unit_test(a_scale_of_14_is_a_gigabyte_rfc7323_2_3),
		cmocka_unit_test(a_scale_above_14_is_taken_as_14_rfc7323_2_3),
		cmocka_unit_test(the_window_of_a_syn_is_not_scaled_rfc7323_2_2),
		cmocka_unit_test(no_scale_without_the_peers_rfc7323_2_2),
		cmocka_unit_test(every_segment_has_a_time_stamp_rfc7323_3_2),
		cmocka_unit_test(
		    the_earliest_unacknowledged_stamp_is_echoed_rfc7323_4_3),
		cmocka_unit_test(
		    a_stamp_beyond_a_hole_is_not_echoed_rfc7323_4_3),
		cmocka_unit_test(
		    an_older_stamp_is_dropped_and_answered_rfc7323_5_3),
		cmocka_unit_test(stamps_wrap_rfc7323_5_2),
		cmocka_unit_test(
		    a_segment_without_a_stamp_is_dropped_rfc7323_3_2),
		cmocka_unit_test(after_24_days_any_stamp_is_taken_rfc7323_5_5),
		cmocka_unit_test(no_stamps_where_the_peer_has_none_rfc7323_3_2),
		cmocka_unit_test(
		    no_sack_where_the_peer_does_not_permit_it_rfc2018_2),
		cmocka_unit_test(the_first_of_eight_is_lost_rfc2018_7),
		cmocka_unit_test(the_latest_block_comes_first_rfc2018_4),
		cmocka_unit_test(
		    four_blocks_fit_and_three_with_time_stamps_rfc2018_3),
		cmocka_unit_test(a_duplicate_is_reported_rfc2883_4_1),
		cmocka_unit_test(
		    a_duplicate_out_of_order_is_reported_in_its_block_rfc2883_4_1_3),
		cmocka_unit_test(a_partial_duplicate_is_reported_rfc2883_4_2),
		cmocka_unit_test(
		    ecn_is_agreed_on_when_the_peer_asks_rfc3168_6_1_1),
		cmocka_unit_test(ecn_is_not_agreed_on_by_halves_rfc3168_6_1_1),
		cmocka_unit_test(
		    ecn_asked_for_starts_with_a_full_window_rfc3168_6_1_1),
		cmocka_unit_test(a_refusal_of_ecn_is_taken_rfc3168_6_1_1),
		cmocka_unit_test(
		    a_repeated_syn_asks_for_no_ecn_rfc3168_6_1_1_1),
		cmocka_unit_test(a_mark_is_told_until_cwr_rfc3168_6_1_3),
		cmocka_unit_test(
		    an_echo_reduces_the_window_once_a_round_trip_rfc3168_6_1_2),
		cmocka_unit_test(what_is_sent_again_is_not_ect_rfc3168_6_1_5),
		cmocka_unit_test(a_cookie_keeps_no_state_and_all_options),
		cmocka_unit_test(a_cookie_without_time_stamps_keeps_the_mss),
		cmocka_unit_test(a_forged_or_stale_cookie_is_reset),
		cmocka_unit_test(
		    a_flood_of_syns_takes_bounded_memory_and_service_goes_on),
		cmocka_unit_test(an_urgent_byte_leaves_the_stream),
		cmocka_unit_test(the_pointer_may_come_before_its_data),
		cmocka_unit_test(
		    msg_oob_sets_the_pointer_behind_the_byte_rfc6093_2),
		cmocka_unit_test(urgent_data_may_stay_inline),
		cmocka_unit_test(
		    too_big_is_sent_again_in_smaller_segments_rfc1191_6_4),
		cmocka_unit_test(
		    too_big_about_what_is_not_out_is_ignored_rfc5927_4_1),
		cmocka_unit_test(
		    unreachable_refuses_a_connection_and_ends_none_rfc5461),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
