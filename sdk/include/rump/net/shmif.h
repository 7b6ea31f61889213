/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file shmif.h
 * Ethernet between processes: a file that all of them map is the bus. It
 * needs no privilege but to read and write the file.
 *
 * A member that dies, at any instant, does not disturb the others. One that is
 * slow loses what does not fit into its rings. docs/shmif.md describes the
 * file, and what members that share it must trust each other with;
 * shmif_dumpbus(1) shows what went over it.
 */
#ifndef RUMP_NET_SHMIF_H
#define RUMP_NET_SHMIF_H

#ifdef __cplusplus
extern "C" {
#endif

/** Announce that frames above the MTU must be segmented for this member. */
#define RUMP_SHMIF_NOLARGE	0x1u
/** Announce that checksums must be complete for this member. */
#define RUMP_SHMIF_NOCSUM	0x2u

/**
 * Make an interface in the calling process's network instance, and make it a
 * member of a bus. It is down, and its address is random.
 *
 * @param path   the bus on the host, made where there is no file; NULL: it is
 *               connected later, by rump_pub_netconfig_ifsetlinkstr().
 * @param ifnum  receives the number of the interface: 0 is shmif0.
 * @return EINVAL the file is not a bus, or a damaged one; EPROTONOSUPPORT a
 *         bus of another version; ENOSPC all its 64 places are taken, or the
 *         host's storage is; EAGAIN somebody keeps it locked; errors of the
 *         host
 */
int rump_pub_shmif_create(const char *path, int *ifnum);
/** Likewise, with flags: RUMP_SHMIF_*. */
int rump_pub_shmif_create_with(const char *path, unsigned flags, int *ifnum);

#ifdef __cplusplus
}
#endif

#endif /* RUMP_NET_SHMIF_H */
