/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Clients from outside of the mesh (docs/edge.md). */
#ifndef MESHD_EDGE_H
#define MESHD_EDGE_H

/*
 * SO_PRIORITY of the sockets by which the worker connects to services for clients of edge listeners: those are clients
 * of the mesh as any other, while what the worker connects to for itself is left alone. The highest that needs no
 * privilege; only the worker's sockets are looked at for it.
 */
#define MD_EDGE_PRIORITY 6

#endif
