/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnetlink: rules (RTM_*RULE). There are the three that every Linux begins with, and
 * no others: tables local, main and default are looked up in this order.
 */
#include <linux/fib_rules.h>

#include "rtnl.h"

static const struct {
	uint32_t r_priority;
	uint8_t r_table;
} rules[] = {
	{ 0, RT_TABLE_LOCAL },
	{ 32766, RT_TABLE_MAIN },
	{ 32767, RT_TABLE_DEFAULT },
};
#define NRULES (sizeof(rules) / sizeof(rules[0]))

static int
rule_setup(struct nldump *nd)
{
	if (nd->nd_req.rq_len < sizeof(struct fib_rule_hdr) &&
	    nd->nd_req.rq_strict)
		return nl_fail(&nd->nd_req, EINVAL,
		    "Invalid header for fib rule dump request");
	nd->nd_at[1] = rtnl_family(&nd->nd_req);
	return 0;
}

/* nd_at: number of the next, family */
static int
rule_dump(struct nldump *nd, struct nlbuf *nb)
{
	struct fib_rule_hdr *fr;
	uint64_t i;

	if (nd->nd_at[1] != AF_UNSPEC && nd->nd_at[1] != AF_INET)
		return 0;
	for (; nd->nd_at[0] < NRULES; nd->nd_at[0]++) {
		i = nd->nd_at[0];
		fr = nl_dump_begin(nd, nb, RTM_NEWRULE, sizeof(*fr));
		if (fr != NULL) {
			fr->family = AF_INET;
			fr->table = rules[i].r_table;
			fr->action = FR_ACT_TO_TBL;
		}
		nl_put_u32(nb, FRA_TABLE, rules[i].r_table);
		nl_put_u32(nb, FRA_SUPPRESS_PREFIXLEN, UINT32_MAX);
		nl_put_u8(nb, FRA_PROTOCOL, RTPROT_KERNEL);
		if (rules[i].r_priority != 0)
			nl_put_u32(nb, FRA_PRIORITY, rules[i].r_priority);
		if (!nl_end(nb))
			return ENOBUFS;
	}
	return 0;
}

const struct rtnl_ops rtnl_rule_ops = {
	.ro_dump = rule_dump,
	.ro_setup = rule_setup,
};
