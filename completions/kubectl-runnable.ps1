# PowerShell completion for kubectl-runnable: it asks the program what can follow the words before the cursor.

Register-ArgumentCompleter -Native -CommandName 'kubectl-runnable' -ScriptBlock {
    param($word, $line, $cursor)

    $words = @($line.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.StartOffset -lt $cursor } | ForEach-Object { $_.ToString() })
    if ($word -eq '') {
        # Windows PowerShell and PowerShell before 7.3 drop an empty argument unless it is quoted.
        $empty = if ($PSVersionTable.PSVersion -lt [version]'7.3') { '""' } else { '' }
        $words += $empty
    }

    # The program answers a flag's values without the flag; PowerShell replaces the whole word.
    $flag = if ($word -match '^(--[^=]*=)') { $Matches[1] } else { '' }
    $lines = @(kubectl-runnable __complete @words 2>$null)
    if ($lines.Count -eq 0 -or $lines[-1] -eq ':0') {
        # PowerShell completes file names where nothing is returned.
        return
    }
    $lines | Select-Object -SkipLast 1 | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new("$flag$value", $value, 'ParameterValue', $help)
    }
}
