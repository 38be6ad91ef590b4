# Builds the installer on Windows, from nothing but this source tree, and tests what it built:
#   powershell -ExecutionPolicy Bypass -File packaging\build.ps1
# Needs Python 3.11, 3.12 or 3.13 (64 bit) and, for the installer, NSIS 3 (makensis).
# $env:RESNEXT_GUI_BUILD names another folder for the environment (3 GB; default: build).
$ErrorActionPreference = 'Stop'
$root = Split-Path -Parent $PSScriptRoot
$build = if ($env:RESNEXT_GUI_BUILD) { $env:RESNEXT_GUI_BUILD } else { Join-Path $root 'build' }
$dist = Join-Path $root 'dist'
$bundle = Join-Path $dist 'resnext-gui'
$venv = Join-Path $build 'venv'
$python = Join-Path $venv 'Scripts\python.exe'

function Fail([string]$text) { Write-Host "resnext-gui: $text" -ForegroundColor Red; exit 1 }
function Invoke-Checked([string]$what, [string]$program, [string[]]$arguments) {
  & $program @arguments
  if ($LASTEXITCODE -ne 0) { Fail "$what failed; the reason stands above." }
}

$match = Select-String -Path (Join-Path $root 'resnext_gui\__init__.py') -Pattern '__version__ = "([^"]+)"'
if (-not $match) { Fail 'resnext_gui\__init__.py names no version.' }
$version = $match.Matches[0].Groups[1].Value
New-Item -ItemType Directory -Force $build, $dist | Out-Null

# ---- environment
$stamp = Join-Path $venv 'stamp.txt'
$lists = @('requirements.txt', 'requirements-frozen-other.txt') | ForEach-Object { Join-Path $PSScriptRoot $_ }
$wanted = ($lists | ForEach-Object { (Get-FileHash $_).Hash }) -join ' '
if (-not (Test-Path $stamp) -or (Get-Content -Raw $stamp).Trim() -ne $wanted) {
  $base = $null
  foreach ($candidate in @(@('py', '-3.12'), @('py', '-3.13'), @('py', '-3.11'), @('python'))) {
    $rest = @($candidate | Select-Object -Skip 1)
    if (-not (Get-Command $candidate[0] -ErrorAction SilentlyContinue)) { continue }
    & $candidate[0] @rest -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13) and sys.maxsize > 2**32))' 2>$null
    if ($LASTEXITCODE -eq 0) { $base = $candidate; break }
  }
  if (-not $base) { Fail 'Python 3.11, 3.12 or 3.13 (64 bit) is needed and was not found.' }
  if (Test-Path $venv) { Remove-Item -Recurse -Force $venv }
  $rest = @($base | Select-Object -Skip 1) + @('-m', 'venv', $venv)
  Invoke-Checked 'Making an environment' $base[0] $rest
  Invoke-Checked 'Installing the pinned packages' $python @('-m', 'pip', 'install', '--disable-pip-version-check', '-q', '-r', $lists[1])
  Set-Content -Path $stamp -Value $wanted
}

# ---- bundle
Invoke-Checked 'The version resource' $python @((Join-Path $PSScriptRoot 'windows\version_info.py'), $version, (Join-Path $root 'build\version_info.txt'))
if (Test-Path $bundle) { Remove-Item -Recurse -Force $bundle }
Invoke-Checked 'Freezing' $python @('-m', 'PyInstaller', '--noconfirm', '--log-level', 'ERROR', '--distpath', $dist,
  '--workpath', (Join-Path $build 'work'), (Join-Path $PSScriptRoot 'resnext_gui.spec'))
Invoke-Checked 'Trimming' $python @((Join-Path $PSScriptRoot 'trim.py'), $bundle)
Invoke-Checked 'Third-party notices' $python @((Join-Path $PSScriptRoot 'notices.py'), (Join-Path $bundle 'THIRD-PARTY-NOTICES.txt'), $bundle)
Invoke-Checked 'The self-test' (Join-Path $bundle 'resnext-gui.exe') @('--self-test')

# ---- installer
$makensis = Get-Command makensis -ErrorAction SilentlyContinue
if ($makensis) { $makensis = $makensis.Source } else { $makensis = Join-Path ${env:ProgramFiles(x86)} 'NSIS\makensis.exe' }
if (-not (Test-Path $makensis)) { Fail "The program is in $bundle. For the installer NSIS 3 is needed." }
$setup = Join-Path $dist "resnext-gui-$version-windows-x86_64-setup.exe"
Invoke-Checked 'The installer' $makensis @('/V2', "/DVERSION=$version", "/DBUNDLE=$bundle", "/DOUT=$setup", (Join-Path $PSScriptRoot 'windows\installer.nsi'))
Write-Host "$setup has $([math]::Round((Get-Item $setup).Length / 1MB)) MB"
