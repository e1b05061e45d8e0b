// SPDX-License-Identifier: Apache-2.0
// What meshctl reads when it writes to a store. The first byte of an input says what the rest is: 'f' a file of an operator, 'e'
// the answer of etcd to a transaction, 'k' keys of Consul, 't' its refusal of a transaction, 'o' an object of Kubernetes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "store/consul_transaction.hpp"
#include "store/declared.hpp"
#include "store/etcd_transaction.hpp"
#include "store/kubernetes_object.hpp"

namespace {

using namespace meshd::store;

void require(bool holds) {
    if (!holds) std::abort();
}

// What is taken out of a file is the same object, also when it is taken out again, and after Kubernetes had it.
void read_file(std::string_view text) {
    const auto all = declared_in(text, "f");
    if (!all) return require(!all.error().message().empty());
    for (const auto& one : *all) {
        const auto again = declared_in(one.text, "g");
        require(again && again->size() == 1 && again->front().object == one.object);
        const auto kept = declared_in(as_kubernetes_keeps(one.text), "k");
        require(kept && kept->size() == 1 && kept->front().object == one.object);
    }
}

void read_object(std::string_view text) {
    boost::system::error_code error;
    const auto value = boost::json::parse({text.data(), text.size()}, error);
    if (error || !value.is_object()) return;
    if (const auto item = item_of(value.get_object(), "kubernetes:fuzz/")) require(!item->version.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (bytes.empty()) return 0;
    const auto rest = bytes.substr(1);
    if (bytes[0] == 'f') read_file(rest);
    if (bytes[0] == 'e') (void)parse_transaction(rest);
    if (bytes[0] == 'k') (void)parse_consul_keys(rest);
    if (bytes[0] == 't') (void)consul_complaint(rest);
    if (bytes[0] == 'o') read_object(rest);
    return 0;
}
