// SPDX-License-Identifier: Apache-2.0
// What the programs at devices cost for each packet, in nanoseconds, all cases in turn: A, B, C, A, B, C …, so that what else
// happens on the machine meets all of them alike.
//
// BPF_PROG_TEST_RUN runs a program again on what it left of the packet. So what is rewritten is rewritten back by the next run,
// by a track for that; and what is to be new each time goes down a chain of services, each the backend of the one before.
#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>

#include <boost/json.hpp>

#include "arguments.hpp"
#include "bpf/packet_lab.hpp"
#include "peer.hpp"

namespace meshd::bench {

namespace json = boost::json;

namespace {

constexpr const char* usage =
    "usage: bench-packet [--count N] [--pairs N] [--cpu N]\n"
    "Runs each program --count times on packets of each kind, --pairs times in turn; prints one JSON object.\n";

struct Options {
    int count = 200'000;
    int pairs = 9;
    int cpu = -1;
};

Options parse_options(int argc, char** argv) {
    Options options;
    parse_arguments(
        std::span<char* const>(argv + 1, static_cast<std::size_t>(argc - 1)),
        [&](std::string_view option, std::string_view value) {
            if (option == "--count")
                options.count = parse_number(option, value, 1);
            else if (option == "--pairs")
                options.pairs = parse_number(option, value, 1);
            else if (option == "--cpu")
                options.cpu = parse_number(option, value, 0);
            else
                return false;
            return true;
        },
        [](std::string_view argument) { throw std::invalid_argument("unexpected argument " + std::string(argument)); });
    return options;
}

// The floor program, on the map of the others.
class Floor {
public:
    explicit Floor(const packet::Lab& lab) : object_(::bpf_object__open_file(MESHD_FLOOR_OBJECT, nullptr)) {
        packet::check(object_ != nullptr, "open " MESHD_FLOOR_OBJECT);
        bpf_map* map = nullptr;
        bpf_object__for_each_map(map, object_) {
            const std::string_view name = ::bpf_map__name(map);
            if (name == "md_tracks")
                ::bpf_map__reuse_fd(map, lab.map("md_tracks"));
            else if (name.starts_with("md_"))
                ::bpf_map__set_autocreate(map, false);
        }
        packet::check(::bpf_object__load(object_) == 0, "load " MESHD_FLOOR_OBJECT);
    }
    ~Floor() { ::bpf_object__close(object_); }
    Floor(const Floor&) = delete;
    Floor& operator=(const Floor&) = delete;

    [[nodiscard]] int program() const { return ::bpf_program__fd(::bpf_object__find_program_by_name(object_, "md_floor")); }

private:
    bpf_object* object_;
};

constexpr std::uint32_t chain = 256;

struct Kind {
    const char* name;
    bool is_v6;
    std::uint8_t protocol;
};

constexpr Kind kinds[] = {
    {"tcp", false, IPPROTO_TCP}, {"udp", false, IPPROTO_UDP}, {"tcp6", true, IPPROTO_TCP}, {"udp6", true, IPPROTO_UDP}};

std::string link_of_chain(const Kind& kind, std::uint32_t number) {
    const auto high = std::to_string(number / 256);
    const auto low = std::to_string(number % 256);
    return kind.is_v6 ? "fd00:96::" + high + ":" + low : "10.96." + high + "." + low;
}

// Ports are translated, too.
std::uint16_t port_of_chain(std::uint32_t number) { return number % 2 == 0 ? 80 : 8080; }

packet::Description packet_of(const Kind& kind) {
    packet::Description what;
    if (kind.is_v6) what.source = "2001:db8::10";
    what.destination = link_of_chain(kind, 0);
    what.protocol = kind.protocol;
    what.flags = packet::ack;
    what.payload = packet::Bytes(100, 'x');
    return what;
}

struct Case {
    std::string name;
    std::string kind;
    int program;
    packet::Description packet;
    std::uint32_t device;
    int count;
    std::string reason;    // what every run counts; empty: nothing
    bool follows = false;  // flows are counted
    bool is_new = false;   // each run is another connection
    json::array ns{};
};

class Bench {
public:
    explicit Bench(const Options& options)
        : options_(options), lab_(MESHD_TC_OBJECT, MD_MAX_TRACKS, MD_MAX_OPENING, MD_MAX_FLOWS, 4 * chain + 64), floor_(lab_) {
        lab_.reset();
        for (std::size_t i = 0; i < std::size(kinds); ++i) prepare(kinds[i], static_cast<std::uint32_t>(i) * chain + 1);
    }

    void run() {
        for (auto& each : cases_) turn(each, std::max(1, each.count / 4), true);
        for (int pair = 0; pair < options_.pairs; ++pair)
            for (auto& each : cases_) each.ns.emplace_back(turn(each, each.count, false));
        json::array out;
        for (auto& each : cases_)
            out.push_back(json::object{{"name", each.name}, {"kind", each.kind}, {"ns", std::move(each.ns)}});
        std::cout << json::serialize(
                         json::object{{"count", options_.count}, {"pairs", options_.pairs}, {"cases", std::move(out)}})
                  << '\n';
    }

private:
    // Two tracks that lead to each other, as no connection has them.
    void rewrite_back_and_forth(const packet::Description& one, const packet::Description& other, std::uint8_t kind) {
        for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)}) {
            md_track_key key{};
            md_track track{};
            key.source = packet::address(from.source);
            key.destination = packet::address(from.destination);
            key.source_port = htons(from.source_port);
            key.destination_port = htons(from.destination_port);
            key.protocol = from.protocol;
            track.source = packet::address(to.source);
            track.destination = packet::address(to.destination);
            track.source_port = htons(to.source_port);
            track.destination_port = htons(to.destination_port);
            track.kind = kind;
            track.state = from.protocol == IPPROTO_TCP ? MD_TRACK_ESTABLISHED : MD_TRACK_UDP;
            timespec now{};
            ::clock_gettime(CLOCK_MONOTONIC, &now);
            track.seen_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000;
            lab_.set("md_tracks", key, track);
        }
    }

    void prepare(const Kind& kind, std::uint32_t first_id) {
        for (std::uint32_t i = 0; i < chain; ++i) {
            packet::Service service;
            service.id = first_id + i;
            service.address = link_of_chain(kind, i);
            service.port = port_of_chain(i);
            service.protocol = kind.protocol;
            service.backends = {{service.id, link_of_chain(kind, i + 1), port_of_chain(i + 1)}};
            lab_.serve(service);
        }
        auto request = packet_of(kind);
        const auto add = [&](const char* name, const char* program, packet::Description what, const char* reason) -> Case& {
            const auto fd = std::string_view(program) == "md_floor" ? floor_.program() : lab_.program(program);
            cases_.push_back({name, kind.name, fd, std::move(what), lab_.clients(), options_.count, reason});
            return cases_.back();
        };
        auto stranger = request;
        stranger.destination = kind.is_v6 ? "fd00:97::2" : "10.97.0.1";
        add("floor", "md_floor", stranger, "");
        add("not ours, coming in", "md_ingress", stranger, "packet_not_ours");
        add("not ours, leaving", "md_egress", stranger, "packet_not_ours");

        auto known = stranger;
        known.destination_port = 443;
        lab_.follow(true);
        auto answer = known;
        std::swap(answer.source, answer.destination);
        std::swap(answer.source_port, answer.destination_port);
        for (const auto& each : {known, answer, known}) lab_.incoming(packet::build(each), lab_.clients());
        lab_.follow(false);
        add("known flow, counted", "md_ingress", known, "packet_not_ours").follows = true;

        auto translated = request;
        translated.source_port = request.source_port = 45000;
        translated.destination = link_of_chain(kind, 1);
        translated.destination_port = port_of_chain(1);
        lab_.incoming(packet::build(request), lab_.clients());  // both ends get into the filter
        rewrite_back_and_forth(request, translated, MD_TRACK_REQUEST);
        add("tracked, rewritten", "md_ingress", request, "forward_request");
        const auto turned = [](packet::Description what) {
            std::swap(what.source, what.destination);
            std::swap(what.source_port, what.destination_port);
            return what;
        };
        rewrite_back_and_forth(turned(translated), turned(request), MD_TRACK_REPLY);
        add("reply", "md_egress", turned(translated), "forward_reply");

        auto fresh = packet_of(kind);
        fresh.flags = kind.protocol == IPPROTO_TCP ? packet::syn : 0;
        auto& last = add("new", "md_ingress", fresh, "forward_new");
        last.is_new = true;
        last.count = chain - 1;
    }

    std::uint16_t next_port() { return port_ = static_cast<std::uint16_t>(port_ < 60000 ? port_ + 1 : 20000); }

    // Mean over `count` runs.
    double turn(Case& each, int count, bool checks) {
        if (each.is_new) each.packet.source_port = next_port();
        const auto bytes = packet::build(each.packet);
        packet::Bytes out(bytes.size() + 64);
        __sk_buff context{};
        context.ifindex = each.device;
        context.ingress_ifindex = each.device;
        lab_.follow(each.follows);
        const auto before = checks && !each.reason.empty() ? lab_.count(each.reason) : 0;
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes.data(), .data_out = out.data(),
                    .data_size_in = static_cast<__u32>(bytes.size()), .data_size_out = static_cast<__u32>(out.size()),
                    .ctx_in = &context, .ctx_size_in = sizeof context, .repeat = count);
        const auto began = std::chrono::steady_clock::now();
        packet::check(::bpf_prog_test_run_opts(each.program, &options) == 0, "run " + each.name);
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
        if (static_cast<int>(options.retval) != packet::next) throw std::runtime_error(each.name + " gave another verdict");
        if (checks && !each.reason.empty() && lab_.count(each.reason) - before != static_cast<std::uint64_t>(count))
            throw std::runtime_error(each.name + " is not what was measured: only " +
                                     std::to_string(lab_.count(each.reason) - before) + " of " + std::to_string(count) +
                                     " were " + each.reason);
        // The kernel's own figure is a whole number, which is too coarse for the cheap cases; where there are few runs, the
        // system call would count as much as they do.
        return each.is_new ? options.duration : took.count() / count;
    }

    Options options_;
    packet::Lab lab_;
    Floor floor_;
    std::vector<Case> cases_;
    std::uint16_t port_ = 20000;
};

void run(const Options& options) {
    pin_to(options.cpu);
    packet::enter_own_network();
    Bench(options).run();
}

}  // namespace

}  // namespace meshd::bench

int main(int argc, char** argv) {
    return meshd::bench::run_tool("bench-packet", meshd::bench::usage, [&] {
        meshd::bench::run(meshd::bench::parse_options(argc, argv));
        return 0;
    });
}
