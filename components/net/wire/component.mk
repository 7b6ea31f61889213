# SPDX-License-Identifier: BSD-2-Clause
NAME    := wire
FACTION := net
NEEDS   := net
ABOUT   := an Ethernet cable between two interfaces of one process
SRCS    := wire.c
