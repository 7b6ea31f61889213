# SPDX-License-Identifier: BSD-2-Clause
NAME    := portif
FACTION := net
NEEDS   := net
ABOUT   := an interface whose packets the application supplies and consumes
SRCS    := portif.c portif_meta.c
