# Runs a program until it ends or until the test process does, which holds the other end of standard input.
# usage: sh supervise.sh DIRECTORY PROGRAM ARGUMENT…    output goes to DIRECTORY/log; the directory goes with a killed program
directory=$1
shift
exec 3<&0
"$@" >"$directory/log" 2>&1 3<&- </dev/null &
child=$!
{
    cat <&3 >/dev/null
    kill -9 "$child" 2>/dev/null
} &
exec 3<&-
wait "$child"
code=$?
[ "$code" -eq 137 ] && rm -rf "$directory"
exit "$code"
