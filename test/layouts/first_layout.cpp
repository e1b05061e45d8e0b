// SPDX-License-Identifier: Apache-2.0
#include "layouts/first_layout.hpp"

#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layouts/first.h"
// After the types that it names.
#include "bpf/first.skel.h"

namespace meshd::layouts {

namespace {

void check(bool good, const std::string& what) {
    if (!good) throw std::runtime_error(what + ": " + std::strerror(errno));
}

md_endpoint endpoint(const std::string& address, std::uint16_t port) {
    md_endpoint made{};
    made.address.bytes[10] = made.address.bytes[11] = 0xff;
    check(::inet_pton(AF_INET, address.c_str(), &made.address.bytes[12]) == 1, "address " + address);
    made.port = htons(port);
    made.protocol = IPPROTO_TCP;
    return made;
}

void write(const bpf_map* map, const void* key, const void* value) {
    check(::bpf_map_update_elem(::bpf_map__fd(map), key, value, BPF_ANY) == 0, std::string("write ") + ::bpf_map__name(map));
}

void fill(const first_bpf& skeleton, const Service& service) {
    const auto frontend = endpoint(service.address, service.port);
    const auto target = endpoint(service.backend_address, service.backend_port);
    const md_frontend leads{first_service_id};
    write(skeleton.maps.md_frontends, &frontend, &leads);
    md_service name{};
    std::strncpy(name.name, service.name.c_str(), sizeof name.name - 1);
    name.port = htons(service.port);
    name.protocol = IPPROTO_TCP;
    write(skeleton.maps.md_services, &first_service_id, &name);
    const md_backend backend{target, first_service_id, 1, MD_BACKEND_READY, 0};
    write(skeleton.maps.md_backends, &first_backend_id, &backend);

    const auto* const types = ::bpf_object__btf(skeleton.obj);
    LIBBPF_OPTS(bpf_map_create_opts, options, .btf_fd = static_cast<__u32>(::bpf_object__btf_fd(skeleton.obj)),
                .btf_key_type_id = static_cast<__u32>(::btf__find_by_name_kind(types, "unsigned int", BTF_KIND_INT)),
                .btf_value_type_id = static_cast<__u32>(::btf__find_by_name_kind(types, "md_slot", BTF_KIND_STRUCT)),
                .map_flags = BPF_F_INNER_MAP | BPF_F_RDONLY_PROG);
    const int table = ::bpf_map_create(BPF_MAP_TYPE_ARRAY, "md_slots", sizeof(__u32), sizeof(md_slot), 1, &options);
    check(table >= 0, "make a table");
    const md_slot slot{{1, 0, MD_PICK_RANDOM, MD_NO_BACKEND_REFUSE, 0}, first_backend_id, target};
    const __u32 zero = 0;
    check(::bpf_map_update_elem(table, &zero, &slot, BPF_ANY) == 0, "write a table");
    write(skeleton.maps.md_tables, &first_service_id, &table);
    ::close(table);

    // Numbers that show that each CPU's part stays its own.
    std::vector<md_connects> connects(static_cast<std::size_t>(::libbpf_num_possible_cpus()));
    for (std::size_t cpu = 0; cpu < connects.size(); ++cpu) connects[cpu] = {100 + cpu, 10 + cpu};
    const md_connects_key counted{first_service_id, first_backend_id};
    write(skeleton.maps.md_connects, &counted, connects.data());
    md_meta meta{};
    meta.abi_version = 1;
    std::strncpy(meta.made_by, "0.1.0", sizeof meta.made_by - 1);
    write(skeleton.maps.md_meta, &zero, &meta);
}

void attach(const bpf_program* program, bpf_attach_type type, int cgroup, const std::string& pin) {
    const int link = ::bpf_link_create(::bpf_program__fd(program), cgroup, type, nullptr);
    check(link >= 0, std::string("attach ") + ::bpf_program__name(program));
    check(::bpf_obj_pin(link, pin.c_str()) == 0, "pin to " + pin);
    ::close(link);
}

}  // namespace

void pin_first_layout(const std::string& top, const std::string& cgroup, const Service& service) {
    const std::unique_ptr<first_bpf, void (*)(first_bpf*)> skeleton(first_bpf::open(), &first_bpf::destroy);
    check(skeleton != nullptr, "open the first layout");
    for (const auto& path : {top, top + "/v1", top + "/v1/maps", top + "/v1/links"})
        check(::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST, "make directory " + path);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, skeleton->obj) {
        const std::string name(::bpf_map__name(map));
        if (name.rfind("md_", 0) == 0)
            check(::bpf_map__set_pin_path(map, (top + "/v1/maps/" + name).c_str()) == 0, "pin " + name);
    }
    check(first_bpf::load(skeleton.get()) == 0, "load the first layout");
    fill(*skeleton, service);
    const int directory = ::open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(directory >= 0, "open " + cgroup);
    attach(skeleton->progs.md_peername4, BPF_CGROUP_INET4_GETPEERNAME, directory, top + "/v1/links/md_peername4");
    attach(skeleton->progs.md_connect4, BPF_CGROUP_INET4_CONNECT, directory, top + "/v1/links/md_connect4");
    ::close(directory);
}

}  // namespace meshd::layouts
