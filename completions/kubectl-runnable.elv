# elvish completion for kubectl-runnable: it asks the program what can follow the words before the cursor.

use re
use str

set edit:completion:arg-completer[kubectl-runnable] = {|@words|
  var word = $words[-1]
  # The program answers a flag's values without the flag; elvish replaces the whole word.
  var flag = ''
  if (re:match '^--[^=]*=' $word) {
    set flag = (re:find '^--[^=]*=' $word)[text]
  }

  var lines = []
  try {
    set lines = [(kubectl-runnable __complete (all $words[1..]) 2>/dev/null | from-lines)]
  } catch { }
  if (eq $lines []) {
    nop
  } elif (eq $lines[-1] ':0') {
    for file [(edit:complete-filename (str:trim-prefix $word $flag))] {
      put $flag$file[stem]
    }
  } else {
    for line $lines[..-1] {
      var value @help = (str:split "\t" $line)
      var suffix = ' '
      if (eq $lines[-1] ':6') {
        set suffix = ''
      }
      edit:complex-candidate &code-suffix=$suffix &display=$value'  '(str:join ' ' $help) $flag$value
    }
  }
}
