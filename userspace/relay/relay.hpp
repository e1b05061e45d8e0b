// SPDX-License-Identifier: Apache-2.0
// One connection of an application, carried encrypted: what comes in at one leg goes out at the other, ends as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "relay/peer_leg.hpp"
#include "relay/stream.hpp"
#include "relay/thread_state.hpp"

namespace meshd::relay {

class Relay : public Watcher, public PeerLeg::Owner {
public:
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;
    ~Relay() override;

    virtual void begin() = 0;
    void keep_place(std::list<std::unique_ptr<Relay>>::iterator place) { place_ = place; }
    void reset();  // both legs
    // What it no longer allows is reset.
    struct Changed {
        bool rules = false;
        bool node = false;  // its certificate, or whom it believes
    };
    void take_configuration(Changed changed);

    void on_events(std::uint32_t events) override;  // of the application's leg
    void on_peer_events() override;

protected:
    Relay(ThreadState& thread, Direction direction) : thread_(thread), direction_(direction) {}

    void refuse();        // before anything was relayed
    void start_moving();  // both legs are open
    void pause() { is_moving_ = false; }
    [[nodiscard]] bool is_over() const { return is_over_; }
    void note_peer_end() { peer_ended_ = true; }
    void close_peer();  // and be gone: there never was an application's leg
    [[nodiscard]] ThreadFigures::OfDirection& figures() const { return thread_.figures.of(direction_); }

    virtual void on_configuration(bool /*has_new_rules*/) {}
    // Before anything moves.
    virtual void on_app_waiting() {}
    virtual void on_peer_waiting() {}
    // For who may have to say it all once more.
    virtual void on_moved(std::string_view /*to_peer*/) {}
    virtual void on_answer() {}
    [[nodiscard]] virtual bool is_unheard() const { return false; }  // the peer has gone without having heard anything
    virtual bool replace_peer() { return false; }                    // whose connection broke. True: another is on its way

    ThreadState& thread_;
    Stream app_;
    std::unique_ptr<PeerLeg> peer_;
    std::string ahead_;           // goes to the peer before anything else
    bool has_told_peer_ = false;  // that the application will send no more

private:
    void pump_or_end();
    bool pump();
    bool move_from_app(bool& has_moved);
    bool move_from_peer(bool& has_moved);
    [[nodiscard]] bool splices_from_peer() const;
    bool splice_from_peer(bool& has_moved);
    [[nodiscard]] bool is_broken() const;
    void finish();
    void stop();

    std::list<std::unique_ptr<Relay>>::iterator place_{};
    Direction direction_;
    bool is_moving_ = false;
    bool has_moved_ = false;  // ever
    bool is_over_ = false;
    bool app_ended_ = false, peer_ended_ = false;  // they will send no more
    bool has_told_app_ = false;                    // that the peer will send no more
    bool has_turn_ = false;
    bool is_peer_bulk_ = false;  // it fills what there is to receive it: it pays to splice
};

void begin_relay(ThreadState& thread, std::unique_ptr<Relay> relay);

}  // namespace meshd::relay
