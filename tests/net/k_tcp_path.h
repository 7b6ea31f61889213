/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bad path behind lo: segments are lost, doubled, reordered and damaged,
 * in a sequence that a seed determines.
 */
#ifndef K_TCP_PATH_H
#define K_TCP_PATH_H

/* In 10,000ths. */
struct tcp_path {
	unsigned tp_mtu;
	unsigned tp_loss, tp_dup, tp_reorder, tp_damage;
	unsigned long tp_seed;
	unsigned long tp_seen, tp_lost;	/* packets: filled in */
};

/* Until rumptest_tcp_path_off(); 0 or an errno value. */
int rumptest_tcp_path_on(struct tcp_path *path);
void rumptest_tcp_path_off(void);

#endif
