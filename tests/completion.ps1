# The completion in PowerShell itself, for the project's CI: tests/completion.ps1 DIRECTORY, where the directory has the program.
param([Parameter(Mandatory)][string]$Directory)

$ErrorActionPreference = 'Stop'
$env:PATH = (Resolve-Path $Directory).Path + [IO.Path]::PathSeparator + $env:PATH
kubectl-runnable completion powershell | Out-String | Invoke-Expression

$failed = $false
foreach ($case in @(
        @('kubectl-runnable subm', 'submit'),
        @('kubectl-runnable submit --loc', '--local'),
        @('kubectl-runnable submit --dry-run=cl', '--dry-run=client'),
        @('kubectl-runnable submit -o js', 'json'),
        @('kubectl-runnable worktree in', 'init'),
        @('kubectl-runnable worktree init --reu', '--reuse'),
        @('kubectl-runnable completion ba', 'bash'),
        @('kubectl-runnable completion ', 'zsh')
    )) {
    $line, $wanted = $case
    $found = (TabExpansion2 -inputScript $line -cursorColumn $line.Length).CompletionMatches.CompletionText
    if ($wanted -notin $found) {
        Write-Output "${line}: expected $wanted, found $found"
        $failed = $true
    }
}
exit [int]$failed
