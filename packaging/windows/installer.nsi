; Installer for Windows, for one person, without administrator's rights.
;   makensis -DVERSION=0.1.0 -DBUNDLE=..\..\dist\resnext-gui -DOUT=..\..\dist\resnext-gui-setup.exe installer.nsi
; Silent: setup.exe /S [/D=C:\folder].  Silent removal (projects are always kept): Uninstall.exe /S
Unicode true
!ifndef VERSION
  !error "Give the version: -DVERSION=..."
!endif
!ifndef BUNDLE
  !error "Give the folder of the frozen program: -DBUNDLE=..."
!endif
!ifndef OUT
  !define OUT "resnext-gui-${VERSION}-windows-x86_64-setup.exe"
!endif
!include MUI2.nsh
!include x64.nsh
!include WinVer.nsh
!include FileFunc.nsh
!include LogicLib.nsh

!define NAME "ResNeXt GUI"
!define PROGRAM "ResNeXt GUI.exe"
!define TYPE "ResNeXtGUI.Project"
!define REMOVAL "Software\Microsoft\Windows\CurrentVersion\Uninstall\ResNeXtGUI"

Name "${NAME}"
OutFile "${OUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\${NAME}"
InstallDirRegKey HKCU "Software\${NAME}" "Folder"
SetCompressor /SOLID lzma
SetCompressorDictSize 32
ManifestDPIAware true
BrandingText "${NAME} ${VERSION}"
VIProductVersion "${VERSION}.0"
VIAddVersionKey ProductName "${NAME}"
VIAddVersionKey FileDescription "Installer of ${NAME}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey LegalCopyright "Apache-2.0"

!define MUI_ICON "..\..\assets\icons\app.ico"
!define MUI_UNICON "..\..\assets\icons\app.ico"
!define MUI_ABORTWARNING
!define MUI_FINISHPAGE_RUN "$INSTDIR\${PROGRAM}"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "German"

LangString OldWindows ${LANG_ENGLISH} "${NAME} needs Windows 10 or newer, 64 bit."
LangString OldWindows ${LANG_GERMAN} "${NAME} braucht Windows 10 oder neuer, 64 Bit."
LangString IsRunning ${LANG_ENGLISH} "${NAME} is running. Close it, then try again."
LangString IsRunning ${LANG_GERMAN} "${NAME} läuft. Bitte schließen und noch einmal versuchen."
LangString AskProjects ${LANG_ENGLISH} "Your projects lie in$\r$\n$0$\r$\n$\r$\nRemove them too? Labels, models and runs in them would be lost. Photographs elsewhere stay where they are."
LangString AskProjects ${LANG_GERMAN} "Ihre Projekte liegen in$\r$\n$0$\r$\n$\r$\nSollen sie auch entfernt werden? Beschriftungen, Modelle und Trainingsläufe darin gingen verloren. Fotos an anderen Orten bleiben, wo sie sind."
LangString TypeName ${LANG_ENGLISH} "ResNeXt GUI project"
LangString TypeName ${LANG_GERMAN} "ResNeXt-GUI-Projekt"
LangString OpenWith ${LANG_ENGLISH} "Open with ${NAME}"
LangString OpenWith ${LANG_GERMAN} "Mit ${NAME} öffnen"

Function .onInit
  ${IfNot} ${RunningX64}
  ${OrIfNot} ${AtLeastWin10}
    MessageBox MB_ICONSTOP|MB_OK "$(OldWindows)" /SD IDOK
    SetErrorLevel 3
    Quit
  ${EndIf}
FunctionEnd

; A program that runs keeps its file open for writing: nobody else may open it so.
!macro REFUSE_WHILE_RUNNING UN
Function ${UN}RefuseWhileRunning
  IfFileExists "$INSTDIR\${PROGRAM}" 0 free
  again:
  ClearErrors
  FileOpen $1 "$INSTDIR\${PROGRAM}" a
  IfErrors 0 closed
    MessageBox MB_ICONEXCLAMATION|MB_RETRYCANCEL "$(IsRunning)" /SD IDCANCEL IDRETRY again
    SetErrorLevel 4
    Quit
  closed:
  FileClose $1
  free:
FunctionEnd
!macroend
!insertmacro REFUSE_WHILE_RUNNING ""
!insertmacro REFUSE_WHILE_RUNNING "un."

Section "Program"
  SetShellVarContext current
  Call RefuseWhileRunning
  ; An older version's libraries must not be mixed with this one's.
  RMDir /r "$INSTDIR\_internal"
  SetOutPath "$INSTDIR"
  File /r "${BUNDLE}/*"
  WriteUninstaller "$INSTDIR\Uninstall.exe"
  CreateShortCut "$SMPROGRAMS\${NAME}.lnk" "$INSTDIR\${PROGRAM}"
  CreateShortCut "$DESKTOP\${NAME}.lnk" "$INSTDIR\${PROGRAM}"
  WriteRegStr HKCU "Software\${NAME}" "Folder" "$INSTDIR"

  ; A project is a folder; a .resnextproject file in it opens it by double click.
  WriteRegStr HKCU "Software\Classes\.resnextproject" "" "${TYPE}"
  WriteRegStr HKCU "Software\Classes\${TYPE}" "" "$(TypeName)"
  WriteRegStr HKCU "Software\Classes\${TYPE}\DefaultIcon" "" '"$INSTDIR\${PROGRAM}",0'
  WriteRegStr HKCU "Software\Classes\${TYPE}\shell\open\command" "" '"$INSTDIR\${PROGRAM}" "%1"'
  WriteRegStr HKCU "Software\Classes\Directory\shell\ResNeXtGUI" "" "$(OpenWith)"
  WriteRegStr HKCU "Software\Classes\Directory\shell\ResNeXtGUI" "Icon" '"$INSTDIR\${PROGRAM}",0'
  WriteRegStr HKCU "Software\Classes\Directory\shell\ResNeXtGUI\command" "" '"$INSTDIR\${PROGRAM}" "%1"'
  System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'

  WriteRegStr HKCU "${REMOVAL}" "DisplayName" "${NAME}"
  WriteRegStr HKCU "${REMOVAL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${REMOVAL}" "DisplayIcon" "$INSTDIR\${PROGRAM}"
  WriteRegStr HKCU "${REMOVAL}" "Publisher" "The ResNeXt GUI founders"
  WriteRegStr HKCU "${REMOVAL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${REMOVAL}" "UninstallString" '"$INSTDIR\Uninstall.exe"'
  WriteRegStr HKCU "${REMOVAL}" "QuietUninstallString" '"$INSTDIR\Uninstall.exe" /S'
  WriteRegDWORD HKCU "${REMOVAL}" "NoModify" 1
  WriteRegDWORD HKCU "${REMOVAL}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKCU "${REMOVAL}" "EstimatedSize" "$0"
SectionEnd

Section "Uninstall"
  SetShellVarContext current
  Call un.RefuseWhileRunning
  ; Only what was installed: somebody may have put other things into the folder.
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\${PROGRAM}"
  Delete "$INSTDIR\resnext-gui.exe"
  Delete "$INSTDIR\THIRD-PARTY-NOTICES.txt"
  Delete "$INSTDIR\Uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\${NAME}.lnk"
  Delete "$DESKTOP\${NAME}.lnk"
  DeleteRegKey HKCU "Software\Classes\.resnextproject"
  DeleteRegKey HKCU "Software\Classes\${TYPE}"
  DeleteRegKey HKCU "Software\Classes\Directory\shell\ResNeXtGUI"
  DeleteRegKey HKCU "${REMOVAL}"
  DeleteRegKey HKCU "Software\${NAME}"
  System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
  ; Settings, logs and measurements are the program's own and can be made again.
  RMDir /r "$LOCALAPPDATA\${NAME}"
  RMDir /r "$LOCALAPPDATA\resnext-gui"

  StrCpy $0 "$DOCUMENTS\${NAME}"
  IfFileExists "$0\*.*" 0 done
    ; Without somebody to answer, nothing that a person made is removed.
    MessageBox MB_ICONQUESTION|MB_YESNO|MB_DEFBUTTON2 "$(AskProjects)" /SD IDNO IDNO done
    RMDir /r "$0"
  done:
SectionEnd
