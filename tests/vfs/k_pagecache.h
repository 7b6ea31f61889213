/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel half of t_pagecache offers. */
#ifndef K_PAGECACHE_H
#define K_PAGECACHE_H

#include <stdint.h>

/** n files with blocks of bs bytes; bs 0: anonymous. */
int rumptest_pagecache_setup(unsigned bs, unsigned n, int sync);
int rumptest_pagecache_random(uint64_t seed, unsigned rounds);
int rumptest_pagecache_verify(void);
/** Reads and writes that found no memory so far. */
long rumptest_pagecache_nomem(void);
int rumptest_pagecache_errors(void);
int rumptest_pagecache_economy(void);
int rumptest_pagecache_seek(void);
int rumptest_pagecache_full_leaves(void);
int64_t rumptest_pagecache_read_ns(unsigned npages, unsigned rounds);
int64_t rumptest_pagecache_write_ns(unsigned npages, int64_t *again);

#endif
