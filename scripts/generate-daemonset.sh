#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes deploy/kubernetes/daemonset.yaml: what helm makes of the chart with its default values, for those who have no helm.
set -euo pipefail
cd "$(dirname "$0")/.."
helm=${HELM:-helm}
command -v "$helm" >/dev/null || { echo "generate-daemonset.sh: no helm: install it, or name it with HELM=" >&2 && exit 1; }
manifest=deploy/kubernetes/daemonset.yaml
{
    echo "# SPDX-License-Identifier: Apache-2.0"
    echo "# The agent on each node, without helm. Made by scripts/generate-daemonset.sh from deploy/helm/meshd; needs rbac.yaml beside it."
    "$helm" template meshd deploy/helm/meshd --namespace meshd --show-only templates/configuration.yaml --show-only templates/daemonset.yaml |
        grep -v '^# \(SPDX\|Source\)'
} >"$manifest.new"
mv "$manifest.new" "$manifest"
