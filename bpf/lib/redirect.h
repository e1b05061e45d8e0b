/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rule: which way a message goes, decided under the sender's socket lock from what the kernel knows of both
 * sockets. docs/acceleration.md says why each part is needed.
 */
#ifndef MESHD_LIB_REDIRECT_H
#define MESHD_LIB_REDIRECT_H

/* A queue shorter than this, in bytes, is always fine, but for small receive buffers. */
#define MD_SMALL_QUEUE 65536

/* Receive buffers, in bytes: one of this size has grown. */
#define MD_GROWN_BUFFER 1048576

/*
 * The most that may wait for a reader: what TCP would hold between the same two sockets before it stops the writer. TCP
 * lets a receive buffer grow with what its reader takes (tcp_rcv_space_adjust()), so a reader that has read N bytes may
 * leave N waiting, up to the ceiling. Before it has read that much: seven sixteenths of the larger buffer, for TCP
 * holds a whole one more once the message takes it, and together they must stay below one and a half times what TCP
 * alone would hold (measured: docs/acceleration.md). A buffer that the receiver's program has fixed cannot grow, and
 * must have room for what TCP brings afterwards.
 */
static __always_inline __u64 md_bound(__u64 sender, __u64 receiver, __u64 consumed, __u64 ceiling)
{
	__u64 bound = md_receive_buffer(receiver);

	if (md_receive_buffer_is_fixed(receiver))
		return bound / 2;
	/* A buffer that has grown already holds what the send buffer would add. */
	if (bound < MD_GROWN_BUFFER) {
		if (bound < md_send_buffer(sender))
			bound = md_send_buffer(sender);
		bound = bound / 16 * 7;
	}
	if (consumed > bound)
		bound = consumed;
	return bound < ceiling ? bound : ceiling;
}

/* What a message that waits costs beside its bytes: struct sk_msg, in bytes. */
#define MD_MESSAGE_COST 1024

/* About how many messages wait: as many as would at the mean size of those sent since the mark before the oldest of
 * them. */
static __always_inline __u64 md_waiting_messages(const struct md_way *way, __u64 waiting)
{
	__u64 block = way->messages ? (way->messages - 1) / MD_MARK_EVERY : 0;

#pragma unroll
	for (__u32 back = 0; back < MD_MARKS; back++) {
		__u32 bytes = (__u32)way->bytes - way->marks[(block - back) % MD_MARKS];

		if (back > block)
			break;
		if (bytes >= waiting)
			return bytes ? (way->messages - (block - back) * MD_MARK_EVERY) * waiting / bytes : 0;
	}
	return MD_MARKS * MD_MARK_EVERY;
}

/* Whether a message more would take more memory than may wait. */
static __always_inline bool md_is_full(const struct md_way *way, __u64 sender, __u64 receiver, __u64 waiting,
                                       __u32 size, __u64 ceiling)
{
	__u64 memory = waiting + size + md_waiting_messages(way, waiting) * MD_MESSAGE_COST;

	return memory > md_bound(sender, receiver, way->bytes - waiting, ceiling);
}

/* Bytes that wait for the receiver of a way. */
static __always_inline __u64 md_waiting(const struct md_way *way, const struct md_end *receiver,
                                        const struct md_acceleration *decided)
{
	const __u64 *consumed;
	__u64 taken;

	if (!decided->counted)
		return md_receive_memory(receiver->socket);
	consumed = bpf_map_lookup_elem(&md_consumed, &receiver->socket);
	taken = consumed ? *consumed : 0; /* a reader that has not read yet has no entry */
	return taken < way->bytes ? way->bytes - taken : 0;
}

/*
 * Messages cost memory beside their bytes, so that of small ones, too, is bounded: less than
 * MD_MARKS * MD_MARK_EVERY may wait. They are in order, so that many wait when fewer bytes than wait were sent since
 * the oldest mark, the one after the mark of this block.
 */
static __always_inline bool md_too_many_messages(const struct md_way *way, __u64 waiting)
{
	__u32 oldest = (way->messages / MD_MARK_EVERY + 1) % MD_MARKS;

	if (way->messages < MD_MARKS * MD_MARK_EVERY)
		return false;
	return (__u32)way->bytes - way->marks[oldest] < waiting;
}

static __always_inline void md_count_message(struct md_way *way, __u32 size)
{
	if (way->messages % MD_MARK_EVERY == 0)
		way->marks[(way->messages / MD_MARK_EVERY) % MD_MARKS] = way->bytes;
	way->messages += 1;
	way->bytes += size;
}

/* Whether a message may take the short way; if not, *why. */
static __always_inline bool md_may_redirect(struct md_pair *pair, __u32 side, __u32 size,
                                            const struct md_acceleration *decided, enum md_why *why)
{
	struct md_way *way = &pair->ways[side & 1];
	const struct md_end *sender = &pair->ends[side & 1], *receiver = &pair->ends[!(side & 1)];

	*why = MD_WHY_TCP_LEFT;
	if (pair->left)
		return false;
	*why = MD_WHY_TCP_PAUSED;
	if (md_is_stopped(pair, decided))
		return false;
	*why = MD_WHY_TCP_PEER_UNREADY;
	if (!receiver->socket && !pair->closed)
		return false;
	*why = MD_WHY_TCP_PEER_GONE;
	if (!md_socket_is(receiver->socket, receiver->cookie))
		return false;

	if (MD_RULE_ORDER) {
		__u32 written = md_write_seq(sender->socket);

		*why = MD_WHY_TCP_ORDER;
		if (!way->clean || way->clean_seq != written) {
			if (md_copied_seq(receiver->socket) != written)
				return false;
			way->clean_seq = written;
			way->clean = 1;
		}
	}

	if (MD_RULE_BACKPRESSURE) {
		__u64 waiting = md_waiting(way, receiver, decided);

		if (pair->sticky && md_receive_buffer_is_too_small(receiver->socket)) {
			*why = MD_WHY_TCP_SMALL_BUFFER;
			return false;
		}
		*why = MD_WHY_TCP_BACKLOG;
		if (waiting + size >= MD_SMALL_QUEUE || md_receive_buffer(receiver->socket) < MD_FIRST_BUFFER)
			if (md_is_full(way, sender->socket, receiver->socket, waiting, size, decided->ceiling))
				return false;
		if (md_too_many_messages(way, waiting))
			return false;
		*why = MD_WHY_TCP_MEMORY;
		if (waiting >= MD_SMALL_QUEUE && md_tcp_pages(receiver->socket) > (__s64)decided->budget_pages)
			return false;
	}
	return true;
}

/* The time from the last message of a request to the first of its answer, whichever way they take. */
static __always_inline void md_time_answer(struct md_pair *pair, __u32 side)
{
	struct md_traffic *traffic;
	__u64 asked, now, us;

	if (!md_follows_sockets())
		return;
	if (side == MD_CLIENT) {
		pair->asked_ns = bpf_ktime_get_ns();
		return;
	}
	/* The client may send on another CPU meanwhile. */
	asked = *(volatile __u64 *)&pair->asked_ns;
	now = bpf_ktime_get_ns();
	if (!asked || now < asked)
		return;
	us = (now - asked) / 1000;
	pair->asked_ns = 0;
	pair->response_us = us ? us : 1;
	traffic = pair->backend_id ? md_traffic_of(pair->service_id, pair->backend_id) : NULL;
	if (traffic)
		md_note_time(&traffic->times[MD_TIMING_RESPONSE], us);
}

static __always_inline int md_send_message(struct sk_msg_md *msg, __u64 id, struct md_pair *pair, __u32 side)
{
	const struct md_acceleration *decided = md_decided();
	struct md_end *sender = &pair->ends[side & 1];
	__u64 receiver;
	enum md_why why;

	if (!decided)
		return SK_PASS;
	md_time_answer(pair, side & 1);
	sender->process = bpf_get_current_pid_tgid() >> 32;
	if (md_may_redirect(pair, side, msg->size, decided, &why)) {
		receiver = pair->ends[!(side & 1)].cookie;
		/* A receiver that has just closed is in the map no more; TCP then says so in its own way. */
		if (bpf_msg_redirect_hash(msg, &md_sockets, &receiver, BPF_F_INGRESS) == SK_PASS) {
			md_count_message(&pair->ways[side & 1], msg->size);
			md_count(MD_REASON_MESSAGE_SHORT);
			return SK_PASS;
		}
		why = MD_WHY_TCP_PEER_GONE;
	}
	md_count_why(pair->service_id, why);
	if (pair->sticky)
		md_leave(id, pair, why);
	else if (why == MD_WHY_TCP_BACKLOG)
		md_fell_behind(id, pair);
	return SK_PASS;
}

#endif
