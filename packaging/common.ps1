# Shared by run.ps1 and test.ps1: finds Python, makes the environment in .venv, installs pinned packages.
# Meant to be dot-sourced.  Sets: $Root (the project), $Python (the environment's interpreter).

$Root = Split-Path -Parent $PSScriptRoot
$Venv = if ($env:RESNEXT_GUI_VENV) { $env:RESNEXT_GUI_VENV } else { Join-Path $Root '.venv' }
$Python = Join-Path $Venv 'Scripts\python.exe'

function Stop-WithWords([string[]]$Lines) {
    [Console]::Error.WriteLine("resnext-gui: " + $Lines[0])
    $Lines | Select-Object -Skip 1 | ForEach-Object { [Console]::Error.WriteLine("  $_") }
    exit 1
}

# Is it a 64-bit Python 3.11, 3.12 or 3.13?  Takes a program and its first arguments.
function Test-Python([string[]]$Command) {
    if (-not (Get-Command $Command[0] -ErrorAction SilentlyContinue)) { return $false }
    $more = @($Command | Select-Object -Skip 1)
    try {
        & $Command[0] @more -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13) and sys.maxsize > 2**32))' *> $null
    } catch { return $false }
    return $LASTEXITCODE -eq 0
}

function Find-Python {
    $candidates = @()
    if ($env:RESNEXT_GUI_PYTHON) { $candidates += , @($env:RESNEXT_GUI_PYTHON) }
    foreach ($version in '3.12', '3.13', '3.11') { $candidates += , @('py', "-$version") }
    $candidates += , @('python')
    $candidates += , @('python3')
    foreach ($candidate in $candidates) { if (Test-Python $candidate) { return , $candidate } }
    Stop-WithWords @(
        'Python 3.11, 3.12 or 3.13 (64 bit) is needed and was not found.',
        'Install it from python.org or the Microsoft Store, or name it: $env:RESNEXT_GUI_PYTHON = "C:\...\python.exe"')
}

# Makes sure that the environment holds the named lists of packages, quickly where it already does.
function Initialize-Environment([string[]]$Lists) {
    if (-not (Test-Python @($Python))) {
        $base = Find-Python
        $more = @($base | Select-Object -Skip 1)
        Write-Host "Making an environment in $Venv"
        if (Test-Path $Venv) { Remove-Item -Recurse -Force $Venv }
        & $base[0] @more -m venv $Venv
        if ($LASTEXITCODE -ne 0) { Stop-WithWords @("Python cannot make a virtual environment in $Venv.") }
    }
    $stamp = Join-Path $Venv (".resnext-gui-" + ($Lists -join '-') + ".stamp")
    $files = Get-ChildItem (Join-Path $PSScriptRoot 'requirements*.txt'), (Join-Path $PSScriptRoot 'common.ps1') | Sort-Object Name
    $wanted = (($files | Get-FileHash -Algorithm SHA256).Hash -join ' ') + " $Root"
    if ((Test-Path $stamp) -and ((Get-Content -Raw $stamp) -eq $wanted)) { return $false }
    Write-Host 'Installing Python packages (several hundred MB the first time; a few minutes)'
    $arguments = @($Lists | ForEach-Object { '-r'; Join-Path $PSScriptRoot $_ })
    & $Python -m pip install --disable-pip-version-check -qq @arguments
    if ($LASTEXITCODE -ne 0) {
        Stop-WithWords @(
            'The Python packages could not be installed; the reason stands above.',
            "Without internet, pip's own settings can name a mirror or a folder of packages.",
            "About 3 GB must be free on the drive of $Venv.")
    }
    # The environment finds the program where it lies, from any folder.
    $packages = & $Python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])'
    [IO.File]::WriteAllText((Join-Path $packages 'resnext_gui_source.pth'), "$Root`n")
    [IO.File]::WriteAllText((Join-Path $Venv 'Scripts\resnext-gui.cmd'), "@`"%~dp0python.exe`" -P -m resnext_gui %*`r`n")
    $script:Stamp = $stamp
    $script:Wanted = $wanted
    return $true
}

function Complete-Environment { [IO.File]::WriteAllText($script:Stamp, $script:Wanted) }
