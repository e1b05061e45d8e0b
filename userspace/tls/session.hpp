// SPDX-License-Identifier: Apache-2.0
// One TLS connection without its socket: bytes go in and come out through memory that all sessions of a thread share, so that one
// system call carries many records and an idle session holds no buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "ktls/keys.hpp"
#include "tls/credentials.hpp"
#include "tls/edge_context.hpp"
#include "tls/handshake_result.hpp"
#include "tls/session_details.hpp"

struct ssl_session_st;  // SSL_SESSION

namespace meshd::tls {

// What goes between the sessions of one thread and their sockets. Belongs to that thread; outlives its sessions.
struct Wire {
    std::string_view received;  // for the session that is called next, which takes all of it
    std::string to_send;        // sessions append here
};

// With it a client need not show its certificate again to the server it came from. Empty: there is none.
using Ticket = std::shared_ptr<ssl_session_st>;

class Session {
public:
    enum class Side : std::uint8_t { client, server };

    // `ticket` must have come under the same credentials, from the same server. `server`: its address, which its certificate must
    // be for when it is outside of the mesh and the credentials say no name.
    Session(std::shared_ptr<const Credentials> credentials, Side side, Wire& wire, const Ticket& ticket = {},
            const base::IpAddress& server = {});
    // The server's side for a client from outside of the mesh, who shows no certificate.
    Session(const EdgeOffer& offer, Wire& wire);
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;
    ~Session();

    enum class Step : std::uint8_t {
        done,    // all of what was asked
        more,    // as much as what was received allows
        ended,   // the peer has said that it sends no more
        failed,  // for failure(); the session is of no more use
    };
    // Each of these may leave bytes to send, also when it fails: the alert that tells the peer why.
    Step handshake();
    struct Got {
        std::size_t size = 0;
        Step step = Step::more;  // done: there may be more than fitted
    };
    Got read(std::span<char> into);
    Step write(std::string_view plain);  // done or failed
    void close();                        // says that nothing will be written any more; reading goes on

    [[nodiscard]] HandshakeFailure failure() const;
    [[nodiscard]] std::string peer() const;                           // its SPIFFE ID
    [[nodiscard]] bool is_peer_revoked(const Credentials& by) const;  // its certificate is on a list that these have
    [[nodiscard]] bool is_accepted_at_once() const;  // of a client whose handshake is over: TLS 1.2 leaves nothing to be said
    [[nodiscard]] bool resumed() const;
    [[nodiscard]] SessionDetails details() const;  // also after a failure
    // What was agreed on.
    struct Agreed {
        std::string_view version, cipher;  // "TLSv1.3", "TLS_AES_128_GCM_SHA256"
        std::string_view protocol;         // of ALPN; empty: none. As long as the session is there
    };
    [[nodiscard]] Agreed agreed() const;
    // Of a client, the last that came since it was asked; that one came says that the server has accepted this side. None comes
    // with a session that was taken up: its ticket may be shown again.
    [[nodiscard]] Ticket take_ticket();

    // For the kernel to go on with the connection in this session's place, one way after the other. Between workers, and with
    // servers outside of the mesh, of TLS 1.3, under credentials that were loaded after keep_secrets_for_kernel().
    [[nodiscard]] bool may_leave() const;
    // How many bytes of a record are not here that has come in part; 0: none has.
    [[nodiscard]] std::size_t missing() const;
    // For the next record. To receive: only when all that has come was read, and nothing is missing.
    [[nodiscard]] std::optional<ktls::Keys> keys(ktls::Way way) const;
    [[nodiscard]] std::optional<ktls::Keys> next_keys(ktls::Way way);  // behind a KeyUpdate, each time others
    // KeyUpdate with the next write(), while that is done here. `of_both`: the other side is to make one, too.
    void update_key(bool of_both = false);

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Whether a server is likely to take it; an empty one, never.
bool is_usable(const Ticket& ticket);

// For who means to hand sessions over to the kernel. It makes handshakes dearer by some microseconds.
void keep_secrets_for_kernel();

}  // namespace meshd::tls
