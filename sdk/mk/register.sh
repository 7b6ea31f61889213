#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# register.sh name faction init needs conflicts: print the C source by which
# a component makes itself known to the kernel when its library is loaded.

array()
{
	echo "static const char *const $1[] = {"
	for s in $2; do
		echo "	\"$s\","
	done
	echo "	0"
	echo "};"
}

name=$1 faction=$2 init=$3
id=$(echo "$name" | tr -c 'a-zA-Z0-9_\n' _)

echo "#include <kern/component.h>"
array needs "$4"
array conflicts "$5"
cat <<EOT
int $init(void);
extern struct rump_component rump_component_$id;
struct rump_component rump_component_$id = {
	.rc_name = "$name",
	.rc_faction = "$faction",
	.rc_needs = needs,
	.rc_conflicts = conflicts,
	.rc_init = $init,
};

static void __attribute__((constructor))
register_component(void)
{

	rump_component_register(&rump_component_$id);
}
EOT
