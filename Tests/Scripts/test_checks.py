"""Does each check find what it is for, and nothing else?"""

from support import SCRIPTS, ScriptTests, run

PACKAGE = """// swift-tools-version: 6.2
import PackageDescription

let portable: [SwiftSetting] = [
  .strictMemorySafety(), .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
  .treatWarning("EmbeddedRestrictions", as: .error),
]
let package = Package(
  name: "Sample",
  targets: [
    .target(name: "Bottom", swiftSettings: portable),
    .target(name: "Middle", dependencies: ["Bottom"], swiftSettings: portable),
    .target(name: "Top", dependencies: [TOP], swiftSettings: portable),
    .target(name: "Host", dependencies: ["Top"]),
    .testTarget(name: "HostTests", dependencies: ["Host"]),
  ])
"""


def function(line_count, opening="func f() {", body="work()", indent=""):
    lines = [opening, *["  " + body] * (line_count - 2), "}"]
    return "".join(f"{indent}{line}\n" for line in lines)


def switch(case_count, last_case="case .last:"):
    cases = "".join(f"  case .c{i}:\n    f({i})\n" for i in range(case_count))
    return f"func f(\n  a: A\n) {{\n  switch a {{\n{cases}  {last_case}\n    g()\n  }}\n}}\n"


class CheckTests(ScriptTests):
    def write_package(self, top='"Middle"', **sources):
        self.write("Package.swift", PACKAGE.replace("TOP", top))
        for target in ["Bottom", "Middle", "Top", "Host"]:
            self.write(f"Sources/{target}/{target}.swift", sources.get(target, "\n"))
        self.write("Tests/HostTests/HostTests.swift", sources.get("HostTests", "\n"))

    def assert_passes(self, script, text=""):
        status, output = run(SCRIPTS / script, self.root)
        self.assertEqual(status, 0, output)
        self.assertIn(text, output)

    def assert_finds(self, script, *texts):
        status, output = run(SCRIPTS / script, self.root)
        self.assertNotEqual(status, 0, output)
        for text in texts:
            self.assertIn(text, output)


class LengthsTests(CheckTests):
    def test_longest_file_and_longest_functions_pass(self):
        self.write("A.swift", "// Filler.\n" * 600)
        self.write("B.swift", function(70) + "\n" + function(70, "var size: Int {"))
        self.assert_passes("check-lengths", "2 files")

    def test_too_long_file_is_found(self):
        self.write("A.swift", "// Filler.\n" * 601)
        self.assert_finds("check-lengths", "A.swift:601: 601 lines")

    def test_too_long_functions_are_found(self):
        for opening in [
            "func f() {", "public mutating func f<T>(_ x: T) throws(E) -> T {", "init?(x: Int) {",
            "static func == (a: A, b: A) -> Bool {", "subscript(i: Int) -> Int {", "deinit {",
            "@Test(arguments: [g(1), g(2)]) func f(a: Int) {", "private(set) var size: Int {",
            "func f(\n    a: Int\n  ) -> Int {", "func f()\n    where T: P\n  {",
        ]:
            with self.subTest(opening):
                self.write("A.swift", "struct A {\n" + function(71, opening, indent="  ") + "}\n")
                self.assert_finds("check-lengths", "A.swift:2: 7")

    def test_requirement_is_not_taken_for_what_follows(self):
        long_type = function(100, "struct A {", "var a = 1")
        self.write("A.swift", "protocol P {\n  func f()\n}\n" + long_type)
        self.assert_passes("check-lengths")

    def test_exhaustive_switch_may_be_long_and_one_with_default_may_not(self):
        self.write("A.swift", switch(50))
        self.assert_passes("check-lengths")
        self.write("A.swift", switch(50, last_case="default:"))
        self.assert_finds("check-lengths", "A.swift:1: 108 lines")

    def test_switch_beside_other_statements_may_not_be_long(self):
        self.write("A.swift", switch(50).replace("  switch", "  prepare()\n  switch"))
        self.assert_finds("check-lengths", "A.swift:1: 109 lines")

    def test_c_is_measured_too(self):
        requirement = "static void g(int a,\n              int b);\n\n"
        body = ["{", "#if A", *["    work();"] * 63, "#endif", "out:", "    return;", "}"]
        for opening in (["static void f(int a)"], ["static int f(int a,", "             int b)"]):
            with self.subTest(opening):
                text = requirement + "\n".join([*opening, *body, ""])
                self.write("A.h", text)
                if len(opening) == 1:
                    self.assert_passes("check-lengths", "1 file")
                else:
                    self.assert_finds("check-lengths", "A.h:4: 71 lines")

    def test_tables_of_c_may_be_long(self):
        self.write("A.c", "static const int table[F(1)] = {\n" + "    1,\n" * 100 + "};\n")
        self.assert_passes("check-lengths")


class ImportsTests(CheckTests):
    def test_declared_imports_pass(self):
        self.write_package(
            Middle="// import Foundation\npublic import Bottom\n",
            Host="import Glibc\nimport Top\n",
            HostTests="import Foundation\nimport Testing\n\n@testable import Host\n",
        )
        self.assert_passes("check-imports", "5 targets")

    def test_transitive_import_is_found(self):
        self.write_package(Top="import Middle\n\ninternal import struct Bottom.A\n")
        self.assert_finds("check-imports", "Top.swift:3:", "let Top import Bottom")

    def test_test_that_imports_past_its_dependencies_is_found(self):
        self.write_package(HostTests="import Testing\n\n@testable import Top\n")
        self.assert_finds("check-imports", "HostTests.swift:3:", "import Top")

    def test_foundation_in_a_portable_target_is_found(self):
        self.write_package(Bottom="#if canImport(Foundation)\nimport Foundation\n#endif\n")
        self.assert_finds("check-imports", "Bottom.swift:2:", "import Foundation")

    def test_portable_target_that_depends_on_a_host_target_is_found(self):
        self.write_package(top='"Outside"')
        package = (self.root / "Package.swift").read_text()
        package = package.replace("targets: [", 'targets: [.target(name: "Outside"),')
        self.write("Package.swift", package)
        self.assert_finds("check-imports", "portable Top depends on Outside")


class EmbeddedTests(CheckTests):
    def test_layers_compile_and_their_sizes_are_told(self):
        self.write_package(
            Bottom="#if canImport(CZlib)\nimport CZlib\n#endif\n"
            "public func twice(_ x: Int) -> Int { 2 * x }\n",
            Middle="import Bottom\n\npublic func fourfold(_ x: Int) -> Int { twice(twice(x)) }\n",
            Host="import Foundation\n",
        )
        self.assert_passes("check-embedded", "3 portable targets compile")

    def test_what_embedded_swift_lacks_is_found(self):
        existential = "public protocol P { func g() }\n\npublic func f(_ x: any P) { x.g() }\n"
        self.write_package(Middle=existential)
        self.assert_finds("check-embedded", "Middle.swift:3:")

    def test_warning_is_found(self):
        self.write_package(Top="public func f() {\n  let unused = 1\n}\n")
        self.assert_finds("check-embedded", "Top.swift:2:")
