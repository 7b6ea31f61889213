#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# makesyscalls.sh outdir syscalls.tab: write into outdir
#
#	syscalls_GROUP.c	stubs and dispatch table of kern, vfs and net
#	sysproto.h		the handlers' prototypes
#	rump/rump_syscalls.h	the stubs' prototypes, for applications
#	syscalls.md		their documentation
#
# The table explains its columns.  Kernel code learns from <kern/syscall.h>
# what a handler is.

mkdir -p "$1/rump" || exit 1
awk -v dir="$1" '
function fail(why) {
	printf "%s:%d: %s\n", FILENAME, FNR, why | "cat >&2"
	bad = 1
}

# Split the prototype p of call n into ret[n], name[n], and for each of its
# argc[n] arguments type, arg, note.
function prototype(n, p,    i, k, s, part) {
	if (!match(p, /^[a-z_0-9 ]+\(/) || p !~ /\)$/) {
		fail("not a prototype: " p)
		return
	}
	s = substr(p, 1, RLENGTH - 1)
	p = substr(p, RLENGTH + 1, length(p) - RLENGTH - 1)
	match(s, /[a-z_0-9]+$/)
	name[n] = substr(s, RSTART)
	ret[n] = substr(s, 1, RSTART - 2)
	argc[n] = p == "void" ? 0 : split(p, part, /, /)
	rest[n] = -1
	for (i = 0; i < argc[n]; i++) {
		s = part[i + 1]
		if (sub(/^\.\.\. /, "", s))
			rest[n] = i
		reg[n, i] = i
		note[n, i] = ""
		if (k = index(s, " @")) {
			note[n, i] = substr(s, k + 1)
			s = substr(s, 1, k - 1)
		}
		if (match(note[n, i], /@reg\([0-9]\)/))
			reg[n, i] = substr(note[n, i], RSTART + 5, 1)
		if (match(note[n, i], /@setsize\([0-9]\)/))
			set[n] = substr(note[n, i], RSTART + 9, 1)
		else if (i > 0 && reg[n, i - 1] > reg[n, i])
			reg[n, i] = reg[n, i - 1] + 1
		match(s, /[a-z_0-9]+$/)
		arg[n, i] = substr(s, RSTART)
		type[n, i] = substr(s, 1, RSTART - 1)
		sub(/ $/, "", type[n, i])
		if (type[n, i] ~ /\*$/ && note[n, i] !~ \
		    /^@((in|out|inout)(\([^)]*\)|\[[^]]*\])?|str|iov(in|out|inout)\[.*\]|msg(in|out)(\[.*\])?|cmd)\??( |$)/)
			fail("no note on " arg[n, i])
		if (match(type[n, i], /struct [a-z_0-9]+/))
			tags[substr(type[n, i], RSTART, RLENGTH)] = 1
	}
}

function declarator(t, a) {
	return t (t ~ /\*$/ ? "" : " ") a
}

# Argument list; dots: those that may be left out as "...".
function arguments(n, names, dots,    i, s) {
	for (i = 0; i < argc[n]; i++) {
		if (dots && i == rest[n])
			return s ", ..."
		s = s (i ? ", " : "") (names ? \
		    declarator(type[n, i], arg[n, i]) : type[n, i])
	}
	return s
}

# Break a line before column 80, at a comma.
function fold(s,    i, out) {
	while (length(s) > 78) {
		for (i = 78; i > 30 && substr(s, i - 1, 2) != ", "; i--)
			;
		if (i == 30)
			break
		out = out substr(s, 1, i - 1) "\n    "
		s = substr(s, i + 1)
	}
	return out s
}

function number(n) {
	return nr[n] ~ /^[0-9]+$/ ? nr[n] : "__NR_" nr[n]
}

function call(n, result,    s, i) {
	if (target[n] != "") {
		s = substr(target[n], 1, length(target[n]) - 1)
		return "sys_" s (s ~ /\($/ ? "" : ", ") result ")"
	}
	s = "sys_" name[n] "("
	for (i = 0; i < argc[n]; i++)
		s = s arg[n, i] ", "
	return s result ")"
}

function stub(n, f,    i) {
	print "\n" ret[n] >f
	print fold("rump_sys_" name[n] "(" \
	    (argc[n] ? arguments(n, 1, 1) : "void") ")") >f
	print "{\n\tlong rv = 0;\n\tint error;" >f
	if ((i = rest[n]) >= 0) {
		print "\t" declarator(type[n, i], arg[n, i]) ";\n\tva_list ap;\n" >f
		print "\tva_start(ap, " arg[n, i - 1] ");" >f
		print "\t" arg[n, i] " = va_arg(ap, " type[n, i] ");" >f
		print "\tva_end(ap);" >f
	} else
		print "" >f
	if (flags[n] ~ /c/)
		print "\tcred_refresh();" >f
	print fold("\terror = " call(n, "&rv") ";") >f
	print "\treturn (" ret[n] ")(__likely(error == 0) ? rv : syscall_error(error));\n}" >f
	for (i = 1; i <= naka[n]; i++) {
		print fold("__typeof__(rump_sys_" name[n] ") rump_sys_" aka[n, i] ";") >f
		print fold("__typeof__(rump_sys_" name[n] ") rump_sys_" aka[n, i] " __attribute__((alias(\"rump_sys_" name[n] "\")));") >f
	}
}

function entry(n, f,    i) {
	if (nr[n] !~ /^[0-9]+$/)
		print "#ifdef " number(n) >f
	print "static int\nenter_" name[n] "(const long *a, long *rv)\n{" >f
	for (i = 0; i < argc[n]; i++)
		print "\t" declarator(type[n, i], arg[n, i]) " = (" type[n, i] ")a[" reg[n, i] "];" >f
	print "" >f
	if (!argc[n])
		print "\t(void)a;" >f
	if (n in set)
		print "\tif (a[" set[n] "] != sizeof(sigset_t))\n\t\treturn EINVAL;" >f
	print fold("\treturn " call(n, "rv") ";") "\n}" >f
	if (nr[n] !~ /^[0-9]+$/)
		print "#endif" >f
	print "" >f
}

function group(g,    n, f) {
	f = dir "/syscalls_" g ".c"
	print "/* Made by makesyscalls.sh from syscalls.tab: stubs and dispatch table. */" >f
	print "#include <kern/syscall.h>\n#include \"sysproto.h\"" >f
	for (n = 1; n <= count; n++)
		if (in_group[n] == g && flags[n] !~ /d/)
			stub(n, f)
	print "\n/* By number. */\n" >f
	for (n = 1; n <= count; n++)
		if (in_group[n] == g)
			entry(n, f)
	print "static const struct sysent entries[] = {" >f
	for (n = 1; n <= count; n++)
		if (in_group[n] == g) {
			if (nr[n] !~ /^[0-9]+$/)
				print "#ifdef " number(n) >f
			printf "\t{ %s, %d, \"%s\", enter_%s },\n", number(n), argc[n], name[n], name[n] >f
			if (nr[n] !~ /^[0-9]+$/)
				print "#endif" >f
		}
	print "};\n\nstruct syscall_group syscalls_" g " = {" >f
	print "\t.sg_name = \"" g "\",\n\t.sg_entries = entries,\n\t.sg_count = nitems(entries),\n};" >f
}

function kernel_header(    n, f) {
	f = dir "/sysproto.h"
	print "/* Made by makesyscalls.sh from syscalls.tab: handlers of system calls. */" >f
	print "#ifndef SYSPROTO_H\n#define SYSPROTO_H\n\n#include <kern/syscall.h>\n" >f
	for (n = 1; n <= count; n++)
		if (target[n] == "")
			print fold("int sys_" name[n] "(" arguments(n, 1, 0) (argc[n] ? ", " : "") "long *rv);") >f
	print "" >f
	for (n = 1; n <= count; n++)
		if (flags[n] !~ /d/)
			print fold(declarator(ret[n], "rump_sys_" name[n]) "(" (argc[n] ? arguments(n, 1, 1) : "void") ");") >f
	print "\nextern struct syscall_group syscalls_kern, syscalls_vfs, syscalls_net;" >f
	print "\n#endif" >f
}

function public_header(    n, i, f, t, g) {
	f = dir "/rump/rump_syscalls.h"
	print "/* SPDX-License-Identifier: BSD-2-Clause */" >f
	print "/** @file rump_syscalls.h" >f
	print " * The system calls of the rump kernel: each is what the host\47s call of the" >f
	print " * same name is, for the calling thread\47s rump process. Errors are -1 and" >f
	print " * errno. Types, constants and structures are libc\47s." >f
	print " *\n * Made from the table of system calls." >f
	print " */\n#ifndef RUMP_RUMP_SYSCALLS_H\n#define RUMP_RUMP_SYSCALLS_H\n" >f
	print "#include <sys/types.h>\n#include <sys/select.h>\n#include <sys/socket.h>" >f
	print "#include <signal.h>\n#include <time.h>\n" >f
	print "#ifdef __cplusplus\nextern \"C\" {\n#endif\n" >f
	for (t in tags)
		print t ";" | ("LC_ALL=C sort >>" f)
	fflush(f)
	close("LC_ALL=C sort >>" f)
	close(f)
	for (n = 1; n <= count; n++) {
		if (flags[n] ~ /d/)
			continue
		if (g != in_group[n]) {
			g = in_group[n]
			print "\n/* In librump" (g == "kern" ? "" : g) ". */\n" >>f
		}
		for (i = 0; i <= naka[n]; i++)
			print fold(declarator(ret[n], "rump_sys_" (i ? aka[n, i] : name[n])) "(" (argc[n] ? arguments(n, 1, 1) : "void") ");") >>f
	}
	print "\n#ifdef __cplusplus\n}\n#endif\n" >>f
	print "#include <rump/rump_syscalls_libc.h>\n\n#endif" >>f
}

function documentation(    n, i, f, s, linux) {
	f = dir "/syscalls.md"
	print "# System calls\n\nMade from the table `sdk/lib/rumpkern/syscalls.tab`.  `Linux` is the call whose number\nreaches it in a remote client or a hijacked program.\n" >f
	print "| call | in | Linux | as declared in |\n|---|---|---|---|" >f
	for (n = 1; n <= count; n++) {
		if (flags[n] ~ /d/)
			continue
		s = declarator(ret[n], "rump_sys_" name[n]) "(" (argc[n] ? arguments(n, 1, 1) : "void") ")"
		for (i = 1; i <= naka[n]; i++)
			s = s "`, `rump_sys_" aka[n, i]
		linux = (nr[n] ~ /^[0-9]+$/ && nr[n] + 0 >= 4096) ? "" : nr[n]
		printf "| `%s` | librump%s | %s | %s |\n", s, in_group[n] == "kern" ? "" : in_group[n], linux, header[n] == "" ? "" : "`" header[n] "`" >f
	}
}

/^[ \t]*(#|$)/ { next }
$1 == "*" {
	aka[count, ++naka[count]] = $2
	next
}
{
	n = ++count
	in_group[n] = $1
	nr[n] = $2
	flags[n] = $3
	if ($1 !~ /^(kern|vfs|net)$/)
		fail("no such group: " $1)
	line = $0
	sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "", line)
	header[n] = ""
	if (match(line, / *<[^>]*>$/)) {
		header[n] = substr(line, RSTART, RLENGTH)
		sub(/^ */, "", header[n])
		line = substr(line, 1, RSTART - 1)
	}
	if (!sub(/;$/, "", line))
		fail("no semicolon")
	target[n] = ""
	if (i = index(line, " -> ")) {
		target[n] = substr(line, i + 4)
		line = substr(line, 1, i - 1)
	}
	prototype(n, line)
	if (nr[n] == "=")
		nr[n] = name[n]
}
END {
	if (!bad) {
		group("kern")
		group("vfs")
		group("net")
		kernel_header()
		public_header()
		documentation()
	}
	exit bad
}' "$2"
