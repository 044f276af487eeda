# bash completion for kubectl-runnable: it asks the program what can follow the words before the cursor.

_kubectl_runnable() {
    local word line last value broken words=()
    # Readline breaks words at = and : too; the program takes them whole.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        last=$((${#words[@]} - 1))
        if ((last >= 0)) && [[ $word == [=:]* || (${words[last]} == *[=:] && $word != -*) ]]; then
            words[last]+=$word
        else
            words+=("$word")
        fi
    done
    last=$((${#words[@]} - 1))
    # What readline has broken off stays on the line.
    broken=${words[last]%"${COMP_WORDS[COMP_CWORD]}"}

    COMPREPLY=()
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        case $line in
            :0) compopt -o default 2>/dev/null ;;
            :6) compopt -o nospace 2>/dev/null ;;
            :[0-9]*) ;;
            *) COMPREPLY+=("${value#"$broken"}") ;;
        esac
    done < <(kubectl-runnable __complete "${words[@]}" 2>/dev/null)
}

complete -o nosort -F _kubectl_runnable kubectl-runnable 2>/dev/null ||
    complete -F _kubectl_runnable kubectl-runnable
