# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_kubectl_runnable_global_optspecs
    string join \n h/help V/version
end

function __fish_kubectl_runnable_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_kubectl_runnable_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_kubectl_runnable_using_subcommand
    set -l cmd (__fish_kubectl_runnable_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -s V -l version -d 'Print version'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "submit" -d 'Prepare workflows and create them on a cluster, or run them on this machine'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "retry" -d 'Run again what did not succeed in a run'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "list" -d 'List runs, the latest first'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "status" -d 'Show what runs are doing, or how they ended'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "wait" -d 'Wait until runs have ended; the exit code tells how'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "watch" -d 'Show the nodes of a run as they change, until it has ended; the exit code tells how'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "logs" -d 'Print what the nodes of a run have written'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "suspend" -d 'Hold runs: what is at work goes on, nothing more begins'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "resume" -d 'Let suspended runs, or nodes of them, go on'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "stop" -d 'End runs before their time; exit handlers still run'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "terminate" -d 'End runs at once; nothing more of them runs'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "cancel" -d 'End runs at once; nothing more of them runs'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "cache" -d 'Look into caches, mend them, and carry entries between them'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "semaphore" -d 'Limit how many runs go on at once; see who holds a lock and who waits'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "worktree" -d 'Make, list and remove worktrees: one checkout for each task, over one shared clone'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "completion" -d 'Print a completion script for a shell'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "__complete"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l from -d 'Make the workflow from a workflowtemplate (wftmpl), clusterworkflowtemplate (cwft) or cronworkflow (cronwf)' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l max-tasks -d 'Most tasks at once on this machine' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l dry-run -d 'Only show what would be created: client asks no cluster, server has it checked' -r -f -a "none\t'It is created'
client\t'Nobody but the user'
server\t'The API server'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The name, such as workflow.argoproj.io/NAME'
json\t'The object, or a List of several'
yaml\t'The object, or several documents'
wide\t'A table with more columns'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l name -d 'The workflow\'s name' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l generate-name -d 'The beginning of a name made for the workflow' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l entrypoint -d 'The template to begin with' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -s p -l parameter -d 'A parameter of the workflow' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -s f -l parameter-file -d 'A YAML or JSON file with a map of parameters; lists and maps become JSON text' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -s l -l labels -d 'Labels of the workflow' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l annotations -d 'Annotations of the workflow' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l serviceaccount -d 'The service account of the workflow\'s pods' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l owner -d 'The object that the workflow belongs to, in its namespace or of the whole cluster, such as deployment.apps/web: Kubernetes deletes the workflow when it goes' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l priority -d 'The workflow\'s priority' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l semaphore -d 'A semaphore that the workflow takes a place of; one without a limit gets LIMIT, else 1' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l semaphore-configmap -d 'The ConfigMap that holds the limits of --semaphore' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l mutex -d 'A mutex that the workflow takes, so that no other workflow with it runs meanwhile' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l parallelism -d 'Most pods of the workflow at once' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l run-id -d 'The run\'s id, the same in all its attempts; made when none is given' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l memoize -d 'Memoize templates, so that a retry skips what succeeded [default: auto]' -r -f -a "auto\t'All that have work to skip'
off\t'None'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l cache-name -d 'The cache that memoized templates use; made when none is given or written in the workflow' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l max-age -d 'How old a cache entry may be, such as 24h' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l strict -d 'Refuse fields that Argo does not know; with false they are sent on' -r -f -a "true\t''
false\t''"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l argo-version -d 'The version of Argo that the check goes by, such as 3.6 [default: 4.1]' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l timeout -d 'Stop waiting after this time (exit code 5); a local run is stopped' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l handle -d 'Write what finds the run again to this file, such as run.json; every verb takes it for a RUN' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l notify -d 'Post {run, run_id, success, phase, error} as JSON to this URL when the run has ended; needs --wait or --local' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l notify-exec -d 'Run this shell command when the run has ended: the same JSON on its standard input, and RUNNABLE_RUN, RUNNABLE_RUN_ID, RUNNABLE_SUCCESS, RUNNABLE_PHASE and RUNNABLE_ERROR in its environment; needs --wait or --local' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l report -d 'Write how the run ended, node by node: junit=FILE as JUnit XML, summary=FILE appended as Markdown. In a step of GitHub Actions its summary is always written' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l local -d 'Run on this machine: tasks are processes with a file system of their own'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -s q -l quiet -d 'Print nothing but the result and errors'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -s v -l verbose -d 'Name every template that is not memoized'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l inline -d 'Merge the referenced WorkflowTemplate into the workflow, so that its templates are memoized'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -l no-check -d 'Skip the check: Argo or the run finds what is wrong'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -s w -l wait -d 'Wait until the workflow has ended; the exit code tells how (3 Failed, 4 Error). A local run is always waited for'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand submit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l node-field-selector -d 'Which nodes that succeeded run again, such as displayName=load' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -s p -l parameter -d 'A parameter of the workflow that gets another value' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l file -d 'Retry with the edited document of this file; the run keeps its parameters, unless -p gives others, and its locks' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l name -d 'The new workflow\'s name' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l generate-name -d 'The beginning of a name made for the new workflow' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -s o -l output -d 'What to print to standard output; with --plan json and yaml print the plan' -r -f -a "name\t'The name, such as workflow.argoproj.io/NAME'
json\t'The object, or a List of several'
yaml\t'The object, or several documents'
wide\t'A table with more columns'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l cache-namespace -d 'The namespace of the run\'s cache: that of the controller. Without it the caches of its name are looked for' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l strict -d 'Refuse fields that Argo does not know; with false they are sent on' -r -f -a "true\t''
false\t''"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l argo-version -d 'The version of Argo that the check goes by, such as 3.6 [default: 4.1]' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l timeout -d 'Stop waiting after this time (exit code 5); a local run is stopped' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l handle -d 'Write what finds the run again to this file, such as run.json; every verb takes it for a RUN' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l notify -d 'Post {run, run_id, success, phase, error} as JSON to this URL when the run has ended; needs --wait or --local' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l notify-exec -d 'Run this shell command when the run has ended: the same JSON on its standard input, and RUNNABLE_RUN, RUNNABLE_RUN_ID, RUNNABLE_SUCCESS, RUNNABLE_PHASE and RUNNABLE_ERROR in its environment; needs --wait or --local' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l report -d 'Write how the run ended, node by node: junit=FILE as JUnit XML, summary=FILE appended as Markdown. In a step of GitHub Actions its summary is always written' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l plan -d 'Only show the plan'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -s y -l yes -d 'Do not ask, on a terminal neither'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l memoized -d 'Carry the status of finished nodes over into a new workflow, as argo resubmit --memoized does'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l in-place -d 'Go on in the same workflow, as argo retry does; pods of nodes that run again are deleted'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l restart-successful -d 'Run nodes that succeeded again, too, where the selector matches them'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -s q -l quiet -d 'Print nothing but the result and errors'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l no-check -d 'Skip the check: Argo or the run finds what is wrong'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -s w -l wait -d 'Wait until the workflow has ended; the exit code tells how (3 Failed, 4 Error). A local run is always waited for'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand retry" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -s l -l selector -d 'Only runs with these labels' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -l phase -d 'Only runs in this phase: Pending, Running, Succeeded, Failed, Error, and Killed with --local; repeatable' -r -f -a "Pending\t''
Running\t''
Succeeded\t''
Failed\t''
Error\t''
Killed\t''"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -l since -d 'Only runs created within this time, such as 24h' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -l chunk-size -d 'Workflows asked of the server at a time' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The name, such as workflow.argoproj.io/NAME'
json\t'The object, or a List of several'
yaml\t'The object, or several documents'
wide\t'A table with more columns'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -s A -l all-namespaces -d 'Runs of all namespaces'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -s w -l watch -d 'After the list, print each run whose line changes, until interrupted; with -o json or yaml each state of an object'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -l node-field-selector -d 'Show only the nodes with these fields, such as displayName=load,phase!=Succeeded (text and wide)' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The name, such as workflow.argoproj.io/NAME'
json\t'The object, or a List of several'
yaml\t'The object, or several documents'
wide\t'A table with more columns'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -l all -d 'Show every node, however many stand side by side'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -l timeout -d 'Stop waiting after this time (exit code 5); the runs go on' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -s o -l output -d 'What to print to standard output; objects are those at the end' -r -f -a "name\t'The name, such as workflow.argoproj.io/NAME'
json\t'The object, or a List of several'
yaml\t'The object, or several documents'
wide\t'A table with more columns'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -l report -d 'Write how the run ended, node by node: junit=FILE as JUnit XML, summary=FILE appended as Markdown. In a step of GitHub Actions its summary is always written' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -s q -l quiet -d 'Print nothing but the result and errors'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand watch" -l timeout -d 'Stop watching after this time (exit code 5); the run goes on' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand watch" -l report -d 'Write how the run ended, node by node: junit=FILE as JUnit XML, summary=FILE appended as Markdown. In a step of GitHub Actions its summary is always written' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand watch" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand watch" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand watch" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand watch" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand watch" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand watch" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand watch" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand watch" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -s c -l container -d 'The container [default: main]' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l since -d 'Only what was written in the last while, such as 10m' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l since-time -d 'Only what was written since this time, such as 2026-11-21T09:30:00Z' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l tail -d 'Only so many lines of what each node has written so far' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l grep -d 'Only lines in which this regular expression is found' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -s f -l follow -d 'Go on until the run ends'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l timestamps -d 'Show when each line was written'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand logs" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand suspend" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The name, such as workflow.argoproj.io/NAME'
json\t'The object, or a List of several'
yaml\t'The object, or several documents'
wide\t'A table with more columns'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand suspend" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand suspend" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand suspend" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand suspend" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand suspend" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand suspend" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand suspend" -l dry-run -d 'Only show what would be done; a cluster checks it'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand suspend" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand suspend" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -l node-field-selector -d 'Only the suspended nodes that match, such as displayName=approve,templateName=gate' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -l message -d 'A message for the nodes' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -s o -l output -d 'A value for an output parameter of the node; or what to print to standard output: name, json, yaml or wide' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -l dry-run -d 'Only show what would be done; a cluster checks it'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand resume" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand stop" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The name, such as workflow.argoproj.io/NAME'
json\t'The object, or a List of several'
yaml\t'The object, or several documents'
wide\t'A table with more columns'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand stop" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand stop" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand stop" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand stop" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand stop" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand stop" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand stop" -l dry-run -d 'Only show what would be done; a cluster checks it'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand stop" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand terminate" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The name, such as workflow.argoproj.io/NAME'
json\t'The object, or a List of several'
yaml\t'The object, or several documents'
wide\t'A table with more columns'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand terminate" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand terminate" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand terminate" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand terminate" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand terminate" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand terminate" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand terminate" -l dry-run -d 'Only show what would be done; a cluster checks it'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand terminate" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand terminate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cancel" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The name, such as workflow.argoproj.io/NAME'
json\t'The object, or a List of several'
yaml\t'The object, or several documents'
wide\t'A table with more columns'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cancel" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cancel" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cancel" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cancel" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cancel" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cancel" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cancel" -l dry-run -d 'Only show what would be done; a cluster checks it'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cancel" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cancel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and not __fish_seen_subcommand_from list inspect why diff prune delete export import help" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and not __fish_seen_subcommand_from list inspect why diff prune delete export import help" -f -a "list" -d 'List caches: how many entries, how full, used when, what is the matter'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and not __fish_seen_subcommand_from list inspect why diff prune delete export import help" -f -a "inspect" -d 'Show the entries of a cache, where they came from, and what is the matter'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and not __fish_seen_subcommand_from list inspect why diff prune delete export import help" -f -a "why" -d 'Tell why a node was, or was not, taken from the cache'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and not __fish_seen_subcommand_from list inspect why diff prune delete export import help" -f -a "diff" -d 'Compare two caches, or two attempts of a run'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and not __fish_seen_subcommand_from list inspect why diff prune delete export import help" -f -a "prune" -d 'Remove entries that are old, unused, or can no longer be produced'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and not __fish_seen_subcommand_from list inspect why diff prune delete export import help" -f -a "delete" -d 'Delete caches, or single entries of one'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and not __fish_seen_subcommand_from list inspect why diff prune delete export import help" -f -a "export" -d 'Write the entries of a cache into a file'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and not __fish_seen_subcommand_from list inspect why diff prune delete export import help" -f -a "import" -d 'Take the entries of a file into a cache'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and not __fish_seen_subcommand_from list inspect why diff prune delete export import help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'Names of caches, or keys of entries, a line each'
json\t'One JSON document'
yaml\t'The same as YAML'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -l cache-namespace -d 'The namespace of the cache: that of the controller. Without it the current namespace and then all are searched' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -l store -d 'The store of manifests that has the cache: a path or a file:// URL' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -s A -l all-namespaces -d 'Caches of all namespaces'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l workflow -d 'The caches of this run, and of their entries those that it has left or used' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l handle -d 'The same, of the run of a file that submit --handle wrote' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -s f -l file -d 'Documents whose templates count, in place of the live ones, for what can still be produced' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'Names of caches, or keys of entries, a line each'
json\t'One JSON document'
yaml\t'The same as YAML'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l cache-namespace -d 'The namespace of the cache: that of the controller. Without it the current namespace and then all are searched' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l store -d 'The store of manifests that has the cache: a path or a file:// URL' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l values -d 'Show the values of outputs'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l fix -d 'Mend what can be mended: set the label, remove entries that no node can use'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l no-runs -d 'Do not look at workflows: where entries came from is not shown then'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l dry-run -d 'Only show what would be done'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -s y -l yes -d 'Do not ask, on a terminal neither'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'Names of caches, or keys of entries, a line each'
json\t'One JSON document'
yaml\t'The same as YAML'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -l cache-namespace -d 'The namespace of the cache: that of the controller. Without it the current namespace and then all are searched' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -l store -d 'The store of manifests that has the cache: a path or a file:// URL' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from why" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'Names of caches, or keys of entries, a line each'
json\t'One JSON document'
yaml\t'The same as YAML'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -l cache-namespace -d 'The namespace of the cache: that of the controller. Without it the current namespace and then all are searched' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -l store -d 'The store of manifests that has the cache: a path or a file:// URL' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -l workflow -d 'Both are runs'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l older -d 'Entries that were made longer ago than this, such as 30d' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l unused -d 'Entries that were used last longer ago than this' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l keep -d 'Keep so many that were used last, whatever else is asked' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l run-id -d 'Entries of the run of this id' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l template -d 'Entries of this template' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -s f -l file -d 'With --orphaned: documents whose templates count in place of the live ones' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'Names of caches, or keys of entries, a line each'
json\t'One JSON document'
yaml\t'The same as YAML'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l cache-namespace -d 'The namespace of the cache: that of the controller. Without it the current namespace and then all are searched' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l store -d 'The store of manifests that has the cache: a path or a file:// URL' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l orphaned -d 'Entries that no template of a live workflow, or of the files, can produce any more'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l dry-run -d 'Only show what would be done'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -s y -l yes -d 'Do not ask, on a terminal neither'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l key -d 'Delete only the entry of this key' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'Names of caches, or keys of entries, a line each'
json\t'One JSON document'
yaml\t'The same as YAML'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l cache-namespace -d 'The namespace of the cache: that of the controller. Without it the current namespace and then all are searched' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l store -d 'The store of manifests that has the cache: a path or a file:// URL' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l force -d 'Delete also what runs at work use'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l dry-run -d 'Only show what would be done'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask, on a terminal neither'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -l file -d 'The file; without it standard output' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -l cache-namespace -d 'The namespace of the cache: that of the controller. Without it the current namespace and then all are searched' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -l store -d 'The store of manifests that has the cache: a path or a file:// URL' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l into -d 'The cache; without it that of the file\'s name' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'Names of caches, or keys of entries, a line each'
json\t'One JSON document'
yaml\t'The same as YAML'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l cache-namespace -d 'The namespace of the cache: that of the controller. Without it the current namespace and then all are searched' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l store -d 'The store of manifests that has the cache: a path or a file:// URL' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l overwrite -d 'Replace entries that are not older, too'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l dry-run -d 'Only show what would be done'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -s y -l yes -d 'Do not ask, on a terminal neither'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -l local -d 'A local run, rather than one on a cluster'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "list" -d 'List caches: how many entries, how full, used when, what is the matter'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "inspect" -d 'Show the entries of a cache, where they came from, and what is the matter'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "why" -d 'Tell why a node was, or was not, taken from the cache'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Compare two caches, or two attempts of a run'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Remove entries that are old, unused, or can no longer be produced'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Delete caches, or single entries of one'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write the entries of a cache into a file'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "import" -d 'Take the entries of a file into a cache'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and not __fish_seen_subcommand_from set get list delete help" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and not __fish_seen_subcommand_from set get list delete help" -f -a "set" -d 'Set the limit of a semaphore'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and not __fish_seen_subcommand_from set get list delete help" -f -a "get" -d 'Show one semaphore or mutex: its limit, who holds it and who waits'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and not __fish_seen_subcommand_from set get list delete help" -f -a "list" -d 'List semaphores and mutexes, who holds them and who waits'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and not __fish_seen_subcommand_from set get list delete help" -f -a "delete" -d 'Delete a semaphore that nobody holds or waits for'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and not __fish_seen_subcommand_from set get list delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l owner -d 'The owner of the repository, in place of a KEY' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l repo -d 'The repository' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l ref -d 'Its branch or tag [default: refs/heads/main]' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l timeout -d 'Stop waiting after this time (exit code 5); the drain goes on' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The key'
json\t'An object with namespace, configMap, key, old, new, drained and sharedWith'
yaml\t'The same as YAML'
wide\t'The line, as without -o'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l configmap -d 'The ConfigMap that holds the limits' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l if-absent -d 'Set the limit only where there is none'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l drain -d 'Let nobody in any more; those that are in go on to their end'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l undrain -d 'Take --drain back: the limit that was before, unless LIMIT gives another'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l wait -d 'With --drain, wait until all that were in have left'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -l dry-run -d 'Only show what would be done; the server checks it'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print nothing but the result and errors'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -l owner -d 'The owner of the repository, in place of a KEY' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -l repo -d 'The repository' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -l ref -d 'Its branch or tag [default: refs/heads/main]' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The full name, such as NAMESPACE/Mutex/NAME'
json\t'An object with limit, holders, queue and the cycles it is in'
yaml\t'The same as YAML'
wide\t'The text, as without -o'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -l configmap -d 'The ConfigMap that holds the limits' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -l completed -d 'Look through completed workflows too, for a lock that they never gave back'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The full names, such as NAMESPACE/Mutex/NAME, a line each'
json\t'An object with locks and cycles'
yaml\t'The same as YAML'
wide\t'The table with all holders and waiters'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -l configmap -d 'The ConfigMap that holds the limits' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -s A -l all-namespaces -d 'Locks of all namespaces'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -l completed -d 'Look through completed workflows too, for locks that they never gave back'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l owner -d 'The owner of the repository, in place of a KEY' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l repo -d 'The repository' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l ref -d 'Its branch or tag [default: refs/heads/main]' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l configmap -d 'The ConfigMap that holds the limits' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -s n -l namespace -d 'The workflow\'s namespace' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l context -d 'The kubeconfig\'s context' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l as -d 'The user to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l as-group -d 'A group to act as' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l request-timeout -d 'How long one request may take' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l force -d 'Delete it also while it is held or waited for'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -l dry-run -d 'Only show what would be done; the server checks it'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from help" -f -a "set" -d 'Set the limit of a semaphore'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from help" -f -a "get" -d 'Show one semaphore or mutex: its limit, who holds it and who waits'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from help" -f -a "list" -d 'List semaphores and mutexes, who holds them and who waits'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Delete a semaphore that nobody holds or waits for'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand semaphore; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and not __fish_seen_subcommand_from init list cleanup help" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and not __fish_seen_subcommand_from init list cleanup help" -f -a "init" -d 'Make the worktree of a task: a checkout over the shared clone, which is fetched only where something misses'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and not __fish_seen_subcommand_from init list cleanup help" -f -a "list" -d 'List worktrees: task, commit, age, size, and whether they hold work'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and not __fish_seen_subcommand_from init list cleanup help" -f -a "cleanup" -d 'Remove worktrees and what is left of some; work that would be lost is kept'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and not __fish_seen_subcommand_from init list cleanup help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l owner -d 'Who owns the repository, on github.com or the CI\'s server (GITHUB_SERVER_URL)' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l repo -d 'The repository\'s name' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l url -d 'The repository\'s address, on any host: https, ssh, git or file; credentials in it are not stored' -r -f
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l ref -d 'A branch, a tag, refs/pull/N/head, or a full object id' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l task-id -d 'The task; else the number of the CI\'s pull request, else a new name' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l root -d 'The directory of the clone and the worktrees' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l depth -d 'How many commits of history are fetched; 0 is all' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l sparse -d 'Only these directories, and the files beside and above them' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l lock-timeout -d 'How long to wait while another process changes the clone' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -s o -l output -d 'What to print to standard output' -r -f -a "path\t'The worktree\'s path'
json\t'An object with path, commit, ref, taskId, base, url, reused and fetched'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l reuse -d 'Take the task\'s worktree if it is there; without work of its own it is moved to the ref\'s commit'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -l safe-directory -d 'Add clone and worktree to safe.directory of your global git config, for volumes that belong to another user'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -s q -l quiet -d 'Print nothing but the result and errors'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from list" -l root -d 'The directory of the clone and the worktrees' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from list" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The tasks, a line each'
json\t'An object with items, one for each worktree'
yaml\t'The same as YAML'
wide\t'The table with whole commit, ref, branch, path and why it would be kept'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -l task-id -d 'The worktrees of these tasks' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -l older -d 'Only those made longer ago than this, such as 24h' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -l root -d 'The directory of the clone and the worktrees' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -l lock-timeout -d 'How long to wait while another process changes the clone' -r
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -s o -l output -d 'What to print to standard output' -r -f -a "name\t'The tasks whose worktrees were removed, a line each'
json\t'An object with what was removed, kept and why, absent, forgotten and collected'
yaml\t'The same as YAML'
wide\t'Lines, as without -o'"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -l stale -d 'What nobody can work in: half-made by a killed init, without directory, or unknown to git (kept unless --force)'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -l all -d 'All worktrees'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -l gc -d 'Collect objects that nothing needs; refused while an init or a git works in the root'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -l remote-prune -d 'Forget refs of the clone that the remote no longer has'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -l force -d 'Remove also what holds work, is locked or in use; not what is being made'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -l dry-run -d 'Only show what would be done'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from cleanup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from help" -f -a "init" -d 'Make the worktree of a task: a checkout over the shared clone, which is fetched only where something misses'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from help" -f -a "list" -d 'List worktrees: task, commit, age, size, and whether they hold work'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from help" -f -a "cleanup" -d 'Remove worktrees and what is left of some; work that would be lost is kept'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand worktree; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand completion" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand __complete" -s h -l help -d 'Print help'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "submit" -d 'Prepare workflows and create them on a cluster, or run them on this machine'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "retry" -d 'Run again what did not succeed in a run'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "list" -d 'List runs, the latest first'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "status" -d 'Show what runs are doing, or how they ended'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "wait" -d 'Wait until runs have ended; the exit code tells how'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "watch" -d 'Show the nodes of a run as they change, until it has ended; the exit code tells how'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "logs" -d 'Print what the nodes of a run have written'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "suspend" -d 'Hold runs: what is at work goes on, nothing more begins'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "resume" -d 'Let suspended runs, or nodes of them, go on'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "stop" -d 'End runs before their time; exit handlers still run'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "terminate" -d 'End runs at once; nothing more of them runs'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "cache" -d 'Look into caches, mend them, and carry entries between them'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "semaphore" -d 'Limit how many runs go on at once; see who holds a lock and who waits'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "worktree" -d 'Make, list and remove worktrees: one checkout for each task, over one shared clone'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "completion" -d 'Print a completion script for a shell'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "__complete"
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and not __fish_seen_subcommand_from submit retry list status wait watch logs suspend resume stop terminate cache semaphore worktree completion __complete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "list" -d 'List caches: how many entries, how full, used when, what is the matter'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "inspect" -d 'Show the entries of a cache, where they came from, and what is the matter'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "why" -d 'Tell why a node was, or was not, taken from the cache'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "diff" -d 'Compare two caches, or two attempts of a run'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "prune" -d 'Remove entries that are old, unused, or can no longer be produced'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "delete" -d 'Delete caches, or single entries of one'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "export" -d 'Write the entries of a cache into a file'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "import" -d 'Take the entries of a file into a cache'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from semaphore" -f -a "set" -d 'Set the limit of a semaphore'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from semaphore" -f -a "get" -d 'Show one semaphore or mutex: its limit, who holds it and who waits'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from semaphore" -f -a "list" -d 'List semaphores and mutexes, who holds them and who waits'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from semaphore" -f -a "delete" -d 'Delete a semaphore that nobody holds or waits for'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from worktree" -f -a "init" -d 'Make the worktree of a task: a checkout over the shared clone, which is fetched only where something misses'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from worktree" -f -a "list" -d 'List worktrees: task, commit, age, size, and whether they hold work'
complete -c kubectl-runnable -n "__fish_kubectl_runnable_using_subcommand help; and __fish_seen_subcommand_from worktree" -f -a "cleanup" -d 'Remove worktrees and what is left of some; work that would be lost is kept'
