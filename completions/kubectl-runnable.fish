# fish completion for kubectl-runnable: it asks the program what can follow the words before the cursor.

function __kubectl_runnable_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)[2..]
    set -l word (commandline --current-token --cut-at-cursor)
    # The program answers a flag's values without the flag; fish replaces the whole word.
    set -l flag (string match --regex -- '^--[^=]*=' $word)

    set -l lines (kubectl-runnable __complete $words "$word" 2>/dev/null)
    if test "$lines[-1]" = :0
        set -l path (string replace -- "$flag" '' "$word")
        for file in (__fish_complete_path "$path")
            echo "$flag$file"
        end
        return
    end
    for line in $lines[1..-2]
        echo "$flag$line"
    end
end

complete --command kubectl-runnable --no-files --keep-order --arguments '(__kubectl_runnable_complete)'
