# SPDX-License-Identifier: Apache-2.0
# bash completion for meshctl: the tool itself knows what fits.
_meshctl() {
    local -a words candidates
    # Not COMP_WORDS: bash splits those at ':' and '=', which stand in addresses.
    read -r -a words <<<"${COMP_LINE:0:COMP_POINT}"
    [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=("")
    mapfile -t candidates < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
    if [[ ${candidates[0]-} == :files ]]; then
        compopt -o default
        COMPREPLY=()
    else
        COMPREPLY=("${candidates[@]}")
    fi
}
complete -F _meshctl meshctl
