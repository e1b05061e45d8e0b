meshd_unit_test(signing
  SOURCES signing/files_test.cpp signing/messages_test.cpp signing/permission_test.cpp signing/renewal_test.cpp signing/signer_test.cpp
  LIBRARIES meshd_signing meshd_test_certificates)
