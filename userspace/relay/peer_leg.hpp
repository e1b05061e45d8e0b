// SPDX-License-Identifier: Apache-2.0
// The far side of a relay: a connection to or from the worker of another host, or to a server or from a client outside of the
// mesh.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "relay/engine.hpp"
#include "relay/peer_key.hpp"
#include "relay/post_handshake.hpp"
#include "relay/stream.hpp"
#include "relay/thread_state.hpp"

namespace meshd::relay {

class PeerLeg final : public Watcher {
public:
    class Owner {
    public:
        Owner() = default;
        Owner(const Owner&) = delete;
        Owner& operator=(const Owner&) = delete;
        virtual ~Owner() = default;

        virtual void on_peer_ready() = 0;   // the handshake is over; of a client's, the server may still refuse its certificate
        virtual void on_peer_failed() = 0;  // before that; the leg is closed
        virtual void on_peer_events() = 0;  // afterwards: it may be read or written
    };

    // To a worker, or a server outside of the mesh, as the credentials have it; from a worker. They begin with begin().
    PeerLeg(ThreadState& thread, Owner& owner, const base::SocketAddress& worker,
            std::shared_ptr<const tls::Credentials> credentials);
    PeerLeg(ThreadState& thread, Owner& owner, base::UniqueFd accepted, std::shared_ptr<const tls::Credentials> credentials);
    // From a client: read() gives what it says as it comes, until it is decided what becomes of it.
    PeerLeg(ThreadState& thread, Owner& owner, base::UniqueFd accepted);
    PeerLeg(const PeerLeg&) = delete;
    PeerLeg& operator=(const PeerLeg&) = delete;
    ~PeerLeg() override;

    void begin();  // may call the owner
    // What becomes of a client; the time for its handshake runs since begin(). `received`: what was read of it.
    void encrypt(tls::Session session, std::string_view received);  // may call the owner
    void pass_through();
    void send_alert(std::uint8_t alert);                                                   // of TLS, in clear
    void reject(std::optional<std::uint8_t> alert, const tls::HandshakeFailure& failure);  // calls the owner

    void set_owner(Owner& owner) { owner_ = &owner; }

    struct Read {
        std::string_view plain;  // in memory that all legs of the thread share
        Stream::Condition condition = Stream::Condition::good;
        bool has_received = false;  // there may be more behind it, also when nothing of it was for the application
    };
    Read read();
    Read read_now();                     // whatever events said
    bool write(std::string_view plain);  // false: broken
    // Data through a pipe, past this process: how much. 0: read() tells what there is else.
    [[nodiscard]] bool reads_by_pipe() const;
    std::size_t read(base::SplicePipe& pipe) { return stream_.receive_records(pipe); }
    bool flush();
    bool finish_sending();  // close_notify; to a client FIN as well

    void close();
    void reset();
    // Both sides have said all, nobody owns it any more: it waits for the worker to close first, with whom TIME_WAIT then is. On
    // this side it would keep a port of few for a minute, on that side they all have the listener's.
    using Parting = std::list<std::unique_ptr<PeerLeg>>::iterator;  // of ThreadState::parting
    void part(Parting place);
    void close_parting();
    // As part(), for an end that closes first: as soon as what it has said does not depend on it any more.
    void drain(Parting place);
    [[nodiscard]] bool may_close() const;

    [[nodiscard]] const Stream& stream() const { return stream_; }
    [[nodiscard]] bool has_said_all() const { return stream_.unsent() == 0 && !is_goodbye_due_; }
    [[nodiscard]] const base::SocketAddress& peer() const { return key_.worker; }
    [[nodiscard]] const PeerKey& key() const { return key_; }
    [[nodiscard]] std::string identity() const { return session_->peer(); }  // that its certificate names
    [[nodiscard]] bool is_revoked(const tls::Credentials& by) const { return session_ && session_->is_peer_revoked(by); }
    // The peer has accepted our certificate, which a client learns after its handshake.
    [[nodiscard]] bool is_accepted() const { return is_accepted_; }
    [[nodiscard]] std::optional<tls::Session::Agreed> agreed() const;  // nothing: TLS passes through
    void on_events(std::uint32_t events) override;

private:
    enum class Phase : std::uint8_t { connect, hello, handshake, open, parting, draining, over };

    void advance();
    void shake_hands();
    void fail(const tls::HandshakeFailure& failure);
    void report(const tls::HandshakeFailure& failure);
    bool send_wire();
    Read decrypt();
    void note_acceptance(const Read& read);
    void look_whether_drained();
    // Of connections whose records are the kernel's, peer_leg_kernel.cpp.
    void give_to_kernel();
    [[nodiscard]] bool hand_over(ktls::Way way);
    [[nodiscard]] std::size_t room_for_records();
    Read read_from_kernel();
    Read take_handshake(std::string_view bytes);
    [[nodiscard]] bool follow_update(bool is_answer_wanted);
    [[nodiscard]] bool say_what_is_due();
    bool write_to_kernel(std::string_view plain);
    Read fail_in_kernel();
    void count(tls::HandshakeResult result);

    ThreadState& thread_;
    Owner* owner_;
    PeerKey key_;
    Stream stream_;
    std::optional<tls::Session> session_;  // nothing: of a client, and not known yet, or passed through
    std::string early_;                    // came with the end of the handshake
    Timer timer_;
    Parting parting_{};
    Stream::Condition early_condition_ = Stream::Condition::good;
    Phase phase_ = Phase::connect;
    Direction direction_;
    bool is_accepted_ = false;
    bool is_finishing_ = false;  // a client, which shall have FIN behind all that it was sent
    bool is_receiving_by_kernel_ = false, is_transmitting_by_kernel_ = false;
    bool is_goodbye_due_ = false, is_update_due_ = false;  // by the kernel, behind what is unsent
    std::uint8_t tries_ = 0;                               // to give it to the kernel
    std::uint32_t records_ = 0;                            // that the kernel made with this key, at least
    PostHandshake post_handshake_;
};

}  // namespace meshd::relay
