// SPDX-License-Identifier: Apache-2.0
// The programs of bpf/tc.bpf.c with maps of their own, run on single packets in a network namespace of their own: clients are
// behind device c0 (192.0.2.0/24, 2001:db8::/64), backends behind b0 (10.1.0.0/24, fd01::/64).
#pragma once

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include "bpf/packet.hpp"

namespace meshd::packet {

inline void check(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what + ": " + std::strerror(errno));
}

// For the rest of the process. Frames are built for the link-layer address that the devices have.
inline void enter_own_network() {
    check(::unshare(CLONE_NEWNET) == 0, "unshare");
    const char* const commands =
        "set -e; export PATH=$PATH:/usr/sbin:/sbin\n"
        "ip link set lo up\n"
        "for each in c:192.0.2:2001:db8: b:10.1.0:fd01:; do\n"
        "  d=${each%%:*}; rest=${each#*:}; v4=${rest%%:*}; v6=${rest#*:}\n"
        "  ip link add ${d}0 address 02:02:02:02:02:02 type veth peer name ${d}1\n"
        "  ip addr add $v4.1/24 dev ${d}0; ip addr add $v6:1/64 dev ${d}0 nodad\n"
        "  ip link set ${d}0 up; ip link set ${d}1 up\n"
        "done\n"
        "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding\n"
        "ip route add 10.2.0.0/16 via 10.1.0.254\n";
    check(std::system(commands) == 0, "make devices");  // NOLINT(cert-env33-c): a fixed text
}

struct Backend {
    std::uint32_t id;
    std::string address;
    std::uint16_t port;
};

struct Service {
    std::uint32_t id = 1;
    std::string address = "10.96.0.1";
    std::uint16_t port = 80;
    std::uint8_t protocol = IPPROTO_TCP;
    std::vector<Backend> backends = {{11, "10.1.0.11", 8080}};
    std::uint8_t forward = MD_FORWARD_NAT;
    std::uint32_t affinity_s = 0;
    bool has_maglev = true;
};

struct Outcome {
    int verdict = 0;
    Bytes bytes;
    std::string reason;
    std::uint32_t duration_ns = 0;
};

inline constexpr int next = -1, drop = 2, redirect = 7;

class Lab {
public:
    static constexpr std::uint32_t device_flows = 4096;

    explicit Lab(const std::string& object_file, std::uint32_t tracks = 4096, std::uint32_t opening = 1024,
                 std::uint32_t flows = 4096, std::uint32_t services = 64) {
        object_.reset(::bpf_object__open_file(object_file.c_str(), nullptr));
        check(object_ != nullptr, "open " + object_file);
        resize("md_tracks", tracks);
        resize("md_opening", opening);
        resize("md_flows", flows);
        resize("md_device_flows", device_flows);
        resize("md_tables", services);
        check(::bpf_object__load(object_.get()) == 0, "load " + object_file);
        clients_ = ::if_nametoindex("c0");
        backends_ = ::if_nametoindex("b0");
    }

    [[nodiscard]] std::uint32_t clients() const { return clients_; }
    [[nodiscard]] std::uint32_t backends() const { return backends_; }

    [[nodiscard]] int map(const char* name) const {
        const int fd = ::bpf_object__find_map_fd_by_name(object_.get(), name);
        check(fd >= 0, name);
        return fd;
    }
    [[nodiscard]] int program(const char* name) const {
        return ::bpf_program__fd(::bpf_object__find_program_by_name(object_.get(), name));
    }

    // Maps as after the first load, both devices looked at, and the defaults of configuration.
    void reset() const {
        for (const char* name : {"md_tracks", "md_opening", "md_flows", "md_device_flows", "md_affinity", "md_frontends",
                                 "md_backends", "md_devices", "md_locals", "md_maglevs"})
            clear(name);
        static const md_track_ends none{};
        set("md_track_ends", 0U, none);
        clear_per_cpu("reject");
        configure();
        follow(false);
        look_at(clients_, "192.0.2.1", "2001:db8::1");
        look_at(backends_, "10.1.0.1", "fd01::1");
    }

    void configure(std::uint8_t masquerade = MD_MASQUERADE_AUTO, bool node_ports = false, std::uint16_t first = 61001,
                   std::uint16_t last = 65535, bool rejects = false) const {
        md_forwarding value{};
        value.masquerade = masquerade;
        value.node_ports = node_ports;
        value.rejects = rejects;
        value.first_port = first;
        value.last_port = last;
        const std::array<std::uint32_t, MD_TRACK_STATES> timeouts{30, 7440, 240, 10, 300};
        std::copy(timeouts.begin(), timeouts.end(), value.timeouts_s);
        set("md_forwarding", 0U, value);
    }

    void follow(bool devices, bool watched = false) const {
        md_flow_config value{};
        value.devices = devices;
        value.watched = watched;
        value.timed = 1;
        set("md_flow_config", 0U, value);
    }

    void look_at(std::uint32_t ifindex, const char* v4, const char* v6, std::uint8_t below = MD_BELOW_NOTHING,
                 std::uint8_t header_size = 14) const {
        md_device device{};
        if (v4 != nullptr) device.v4 = address(v4);
        if (v6 != nullptr) device.v6 = address(v6);
        device.header_size = header_size;
        device.below = below;
        set("md_devices", ifindex, device);
    }

    void serve(const Service& service) const {
        md_table table{};
        std::vector<md_slot> slots;
        for (const bool v6 : {false, true})
            for (const auto& each : service.backends)
                if ((each.address.find(':') != std::string::npos) == v6) {
                    ++(v6 ? table.slots_v6 : table.slots_v4);
                    md_slot slot{};
                    slot.backend_id = each.id;
                    slot.backend = {address(each.address), htons(each.port), service.protocol, 0};
                    slots.push_back(slot);
                    md_backend backend{};
                    backend.endpoint = slot.backend;
                    backend.service_id = service.id;
                    backend.weight = 1;
                    set("md_backends", each.id, backend);
                }
        table.forward = service.forward;
        table.affinity_s = service.affinity_s;
        if (slots.empty()) slots.emplace_back();
        for (auto& slot : slots) slot.table = table;
        put_inner("md_tables", service.id, slots);
        std::uint32_t id = service.id;
        ::bpf_map_delete_elem(map("md_maglevs"), &id);
        if (service.has_maglev) put_inner("md_maglevs", service.id, maglev(slots, table));
        const md_endpoint frontend{address(service.address), htons(service.port), service.protocol, 0};
        set("md_frontends", frontend, md_frontend{service.id});
    }

    Outcome run(const char* name, const Bytes& bytes, std::uint32_t ifindex, std::uint32_t ingress_ifindex = 0,
                std::uint32_t segments = 0, int repeat = 1) const {
        Outcome outcome;
        outcome.bytes.resize(bytes.size() + 256);
        __sk_buff context{};
        context.ifindex = ifindex;
        context.ingress_ifindex = ingress_ifindex;
        context.gso_segs = segments;
        const auto before = reasons();
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes.data(), .data_out = outcome.bytes.data(),
                    .data_size_in = static_cast<__u32>(bytes.size()), .data_size_out = static_cast<__u32>(outcome.bytes.size()),
                    .ctx_in = &context, .ctx_size_in = sizeof context, .repeat = repeat);
        check(::bpf_prog_test_run_opts(program(name), &options) == 0, std::string("run ") + name);
        outcome.bytes.resize(options.data_size_out);
        outcome.verdict = static_cast<int>(options.retval);
        outcome.duration_ns = options.duration;
        const auto after = reasons();
        for (std::size_t i = 0; i < after.size(); ++i)
            if (after[i] != before[i]) outcome.reason += (outcome.reason.empty() ? "" : " ") + std::string(label(i));
        return outcome;
    }

    Outcome incoming(const Bytes& bytes, std::uint32_t ifindex) const { return run("md_ingress", bytes, ifindex); }
    // `came_by` counts where flows do alone.
    Outcome leaving(const Bytes& bytes, std::uint32_t ifindex, std::uint32_t came_by = 0) const {
        return run("md_egress", bytes, ifindex, can_come_by_device() ? came_by : 0);
    }

    // Whether this kernel takes ingress_ifindex for such a run: 5.10 does not.
    bool can_come_by_device() const {
        static const bool can = [this] {
            const Bytes bytes(64);
            __sk_buff context{};
            context.ifindex = context.ingress_ifindex = clients();
            LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes.data(), .data_size_in = static_cast<__u32>(bytes.size()),
                        .ctx_in = &context, .ctx_size_in = sizeof context, .repeat = 1);
            return ::bpf_prog_test_run_opts(program("md_egress"), &options) == 0;
        }();
        return can;
    }

    template <typename Key, typename Value>
    void set(const char* name, const Key& key, const Value& value) const {
        check(::bpf_map_update_elem(map(name), &key, &value, BPF_ANY) == 0, std::string("write ") + name);
    }
    template <typename Value, typename Key>
    std::optional<Value> get(const char* name, const Key& key) const {
        Value value{};
        if (::bpf_map_lookup_elem(map(name), &key, &value) != 0) return std::nullopt;
        return value;
    }
    template <typename Key, typename Value>
    std::vector<std::pair<Key, Value>> all(const char* name) const {
        std::vector<std::pair<Key, Value>> found;
        Key key{};
        for (int more = ::bpf_map_get_next_key(map(name), nullptr, &key); more == 0;
             more = ::bpf_map_get_next_key(map(name), &key, &key))
            if (auto value = get<Value>(name, key)) found.emplace_back(key, *value);
        return found;
    }
    std::vector<std::pair<md_track_key, md_track>> tracks(const char* name = "md_tracks") const {
        return all<md_track_key, md_track>(name);
    }

    void empty(const char* name) const { clear(name); }

    std::uint64_t count(const std::string& reason) const {
        const auto counts = reasons();
        for (std::size_t i = 0; i < counts.size(); ++i)
            if (reason == label(i)) return counts[i];
        throw std::invalid_argument(reason);
    }

    static const char* label(std::size_t reason) {
        static const char* const labels[] = {
#define X(enumerator, label, meaning) label,
            MD_REASONS(X)
#undef X
        };
        return labels[reason];
    }

private:
    struct Close {
        void operator()(bpf_object* object) const { ::bpf_object__close(object); }
    };

    void resize(const char* name, std::uint32_t entries) const {
        check(::bpf_map__set_max_entries(::bpf_object__find_map_by_name(object_.get(), name), entries) == 0, name);
    }

    void clear(const char* name) const {
        const int fd = map(name);
        std::array<char, 64> key{};
        while (::bpf_map_get_next_key(fd, nullptr, key.data()) == 0) ::bpf_map_delete_elem(fd, key.data());
    }

    void clear_per_cpu(const char* name) const {
        const auto size = (::bpf_map__value_size(::bpf_object__find_map_by_name(object_.get(), name)) + 7U) / 8 * 8;
        const std::vector<char> zeros(size * static_cast<std::size_t>(::libbpf_num_possible_cpus()));
        const std::uint32_t zero = 0;
        check(::bpf_map_update_elem(map(name), &zero, zeros.data(), BPF_ANY) == 0, std::string("write ") + name);
    }

    template <typename Value>
    void put_inner(const char* name, std::uint32_t id, const std::vector<Value>& values) const {
        LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_RDONLY_PROG);
        const int fd = ::bpf_map_create(BPF_MAP_TYPE_ARRAY, "inner", sizeof(std::uint32_t), sizeof(Value),
                                        static_cast<__u32>(values.size()), &options);
        check(fd >= 0, "make an inner map");
        for (std::uint32_t i = 0; i < values.size(); ++i) ::bpf_map_update_elem(fd, &i, &values[i], BPF_ANY);
        const int error = ::bpf_map_update_elem(map(name), &id, &fd, BPF_ANY);
        ::close(fd);
        check(error == 0, std::string("write ") + name);
    }

    // Not the permutations of the paper, but a table like theirs: each backend in turn.
    static std::vector<md_maglev> maglev(const std::vector<md_slot>& slots, const md_table& table) {
        constexpr std::uint32_t prime = 13;
        md_maglev head{};
        head.size_v4 = table.slots_v4 != 0 ? prime : 0;
        head.size_v6 = table.slots_v6 != 0 ? prime : 0;
        head.fingerprint = 1;
        std::vector<md_maglev> rows((head.size_v4 + head.size_v6) / MD_MAGLEV_ROW + 1, head);
        for (std::uint32_t i = 0; i < head.size_v4 + head.size_v6; ++i) {
            const auto slot = i < head.size_v4 ? i % table.slots_v4 : table.slots_v4 + (i - head.size_v4) % table.slots_v6;
            rows[i / MD_MAGLEV_ROW].backends[i % MD_MAGLEV_ROW] = slots[slot].backend_id;
        }
        return rows;
    }

    [[nodiscard]] std::vector<std::uint64_t> reasons() const {
        const auto cpus = static_cast<std::size_t>(::libbpf_num_possible_cpus());
        std::vector<std::uint64_t> counts(MD_REASON_COUNT);
        std::vector<std::uint64_t> values(cpus);
        for (std::uint32_t i = 0; i < counts.size(); ++i) {
            check(::bpf_map_lookup_elem(map("md_reasons"), &i, values.data()) == 0, "read md_reasons");
            for (const auto value : values) counts[i] += value;
        }
        return counts;
    }

    std::unique_ptr<bpf_object, Close> object_;
    std::uint32_t clients_ = 0;
    std::uint32_t backends_ = 0;
};

}  // namespace meshd::packet
