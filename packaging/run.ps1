# Starts the program; the first time it makes an environment in .venv and installs what is needed.
#   powershell -ExecutionPolicy Bypass -File packaging\run.ps1                the window
#   powershell -ExecutionPolicy Bypass -File packaging\run.ps1 train ...      the command line, see --help
. (Join-Path $PSScriptRoot 'common.ps1')

if (Initialize-Environment @('requirements.txt')) { Complete-Environment }
& $Python -P -m resnext_gui @args # -P: no modules from the folder that the person is in
exit $LASTEXITCODE
