// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "flows/pod_names.hpp"

namespace meshd::flows {
namespace {

constexpr auto uid = "0a1b2c3d-0000-4000-8000-0123456789ab";

PodNames one() { return PodNames({model::Pod{uid, "shop", "web-0", "web", {}}}); }

TEST(PodNames, AreFoundByEitherDriverOfTheKubelet) {
    const auto names = one();
    for (const auto* const path :
         {"/kubepods/pod0a1b2c3d-0000-4000-8000-0123456789ab", "/kubepods/burstable/pod0a1b2c3d-0000-4000-8000-0123456789ab/4f2a",
          "/kubepods.slice/kubepods-pod0a1b2c3d_0000_4000_8000_0123456789ab.slice",
          "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
          "kubelet-kubepods-besteffort-pod0a1b2c3d_0000_4000_8000_0123456789ab.slice/cri-containerd-4f2a.scope"})
        EXPECT_EQ(names.name_of(path), "shop/web-0") << path;
}

TEST(PodNames, AreNobodyElses) {
    const auto names = one();
    for (const auto* const path : {"", "/", "/system.slice/web.service", "/kubepods/pod0a1b2c3d-0000-4000-8000-0123456789ac",
                                   "/kubepods/0a1b2c3d-0000-4000-8000-0123456789ab",
                                   "/kubepods/pod0a1b2c3d-0000-4000-8000-0123456789ab0", "/kubepods/pod", "pod"})
        EXPECT_EQ(names.name_of(path), "") << path;
    EXPECT_EQ(PodNames().name_of("/kubepods/pod0a1b2c3d-0000-4000-8000-0123456789ab"), "");
}

}  // namespace
}  // namespace meshd::flows
