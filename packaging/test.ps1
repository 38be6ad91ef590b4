# Runs the tests; the first time it makes an environment in .venv and installs what is needed.
#   powershell -ExecutionPolicy Bypass -File packaging\test.ps1 -k folders    arguments go to pytest
. (Join-Path $PSScriptRoot 'common.ps1')

if (Initialize-Environment @('requirements.txt', 'requirements-dev.txt')) {
    # The reference: taken where pip finds a build on this computer, since it is large; its tests are skipped elsewhere.
    & $Python -m pip install --disable-pip-version-check -qq --no-index torch==2.13.0 2> $null
    if ($LASTEXITCODE -ne 0) {
        Write-Host 'PyTorch is not at hand on this computer: the tests against it will be skipped.'
    }
    Complete-Environment
}
Set-Location $Root
if (-not $env:QT_QPA_PLATFORM) { $env:QT_QPA_PLATFORM = 'offscreen' }
# Two at a time, file by file; -n 0 runs them one after the other.
& $Python -m pytest -n 2 --dist loadfile @args
exit $LASTEXITCODE
