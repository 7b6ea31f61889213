/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls whose handlers arrive with a later change: ENOSYS until then.
 */
#include "proc_private.h"
#include "signal.h"

int sys_later(void);

int
sys_later(void)
{
	return ENOSYS;
}

__asm__(".globl sys_clock_getres; .set sys_clock_getres, sys_later");
__asm__(".globl sys_clock_gettime; .set sys_clock_gettime, sys_later");
__asm__(".globl sys_clock_nanosleep; .set sys_clock_nanosleep, sys_later");
__asm__(".globl sys_clock_settime; .set sys_clock_settime, sys_later");
__asm__(".globl sys_epoll_create; .set sys_epoll_create, sys_later");
__asm__(".globl sys_epoll_create1; .set sys_epoll_create1, sys_later");
__asm__(".globl sys_epoll_ctl; .set sys_epoll_ctl, sys_later");
__asm__(".globl sys_epoll_pwait; .set sys_epoll_pwait, sys_later");
__asm__(".globl sys_epoll_pwait2; .set sys_epoll_pwait2, sys_later");
__asm__(".globl sys_epoll_wait; .set sys_epoll_wait, sys_later");
__asm__(".globl sys_eventfd; .set sys_eventfd, sys_later");
__asm__(".globl sys_gethostname; .set sys_gethostname, sys_later");
__asm__(".globl sys_getrandom; .set sys_getrandom, sys_later");
__asm__(".globl sys_gettimeofday; .set sys_gettimeofday, sys_later");
__asm__(".globl sys_pipe2; .set sys_pipe2, sys_later");
__asm__(".globl sys_setdomainname; .set sys_setdomainname, sys_later");
__asm__(".globl sys_sethostname; .set sys_sethostname, sys_later");
__asm__(".globl sys_settimeofday; .set sys_settimeofday, sys_later");
__asm__(".globl sys_signalfd; .set sys_signalfd, sys_later");
__asm__(".globl sys_sysinfo; .set sys_sysinfo, sys_later");
__asm__(".globl sys_time; .set sys_time, sys_later");
__asm__(".globl sys_timerfd_create; .set sys_timerfd_create, sys_later");
__asm__(".globl sys_timerfd_gettime; .set sys_timerfd_gettime, sys_later");
__asm__(".globl sys_timerfd_settime; .set sys_timerfd_settime, sys_later");
__asm__(".globl sys_times; .set sys_times, sys_later");
__asm__(".globl sys_uname; .set sys_uname, sys_later");

_Atomic unsigned signalfds;

void
signalfd_notify(uint64_t set __maybe_unused)
{
}

int
epoll_init(void)
{
	return 0;
}

void
epoll_file_gone(struct file *fp __maybe_unused)
{
}
