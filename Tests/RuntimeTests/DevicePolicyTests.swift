import Streaming
import Tensors
import Testing
import WeightCodec

@testable import Runtime

/// What a sender makes of a receiver that says what it keeps.
struct DevicePolicyTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  // The file has the widest types first: counts, large, bias.
  @Test func planesAreCutAndAllElseGoesWhole() throws {
    // Integers that a coded stream would take at half their size.
    let shape = try #require(TensorShape([40, 50]))
    let counts = try #require(TensorDescriptor(name: "counts", dtype: .i64, shape: shape))
    let checkpoint = try folder.makeCheckpoint([
      weightTensor("large", [60, 50]), weightTensor("bias", [60], seed: 2),
      (counts, (0..<counts.byteCount).map { $0 % 8 == 0 ? UInt8($0 / 8 % 7) : 0 }),
    ])
    var info = ReceiverInfo(
      compressions: [.none], codecs: [.flat], byteCountLimit: nil, name: [])
    info.planeLimit = 7
    let policy = planes()
    let model = try ModelPlan(
      ModelSource(checkpoint, policy), named: "in", policy, for: info)
    var planeCount = 0
    var contents: [Int] = []
    for step in model.plan.steps {
      switch step.action {
      case .pass(.significance, _): planeCount += 1
      case .pass(.refinement, _): break
      case .pass(let pass, _): Issue.record("\(pass) is nothing for this receiver")
      case .content(let unit):
        contents.append(unit.tensorIndex)
        #expect(unit.representation == .exact)
      case .milestone: break
      }
    }
    #expect(planeCount == 7)
    #expect(contents == [2, 0])
  }

  @Test func largeTensorsComeAsTheReceiverWantsThem() {
    var info = ReceiverInfo(compressions: [.none], codecs: [], byteCountLimit: nil, name: [])
    info.representation = .channel(bits: 8)
    for wanted in [planes(), plain(.exact, .none)] {
      let (policy, variant) = wanted.adapted(to: info)
      #expect(variant == nil)
      #expect(policy == plain(.channel(bits: 8), .none))
    }
  }

  @Test func whatAReceiverGetsInsteadIsTold() {
    var small = ReceiverInfo(compressions: [.none], codecs: [.flat], byteCountLimit: nil, name: [])
    small.planeLimit = 7
    var simple = ReceiverInfo(compressions: [.none], codecs: [], byteCountLimit: nil, name: [])
    simple.representation = .channel(bits: 8)
    let rich = ReceiverInfo(compressions: Compression.allCases, byteCountLimit: nil, name: [])
    let affine = plain(.affine(bits: 4))
    let affineContents = PlainPolicy(representation: .affine(bits: 4))
    let cut = SendPolicy(.planes(ProgressivePolicy(planeLimit: 3)))
    for (wanted, info, told) in [
      (affine, small, .planes(3, insteadOf: affineContents)),
      (plain(.exact), small, .planes(7, insteadOf: PlainPolicy())),
      (affine, simple, .contents(.channel(bits: 8), insteadOf: affine.codec)),
      (cut, simple, .contents(.channel(bits: 8), insteadOf: cut.codec)),
      (plain(.channel(bits: 8)), simple, .notPacked),
      (plain(.channel(bits: 8), .none), simple, nil), (affine, rich, nil), (cut, small, nil),
      (planes(), small, nil), (planes(), simple, nil), (planes(), rich, nil),
    ] as [(SendPolicy, ReceiverInfo, SendPolicy.Substitution?)] {
      #expect(wanted.substitution(for: info) == told)
    }
  }

  @Test func theOrderOfTheFileStays() {
    var info = ReceiverInfo(compressions: [.none], codecs: [.flat], byteCountLimit: nil, name: [])
    info.planeLimit = 7
    var wanted = PlainPolicy()
    wanted.isInFileOrder = true
    var expected = ProgressivePolicy(order: .file, planeLimit: 7)
    expected.codesPlanesOnly = true
    #expect(SendPolicy(.plain(wanted)).adapted(to: info).policy.codec == .planes(expected))
  }

  @Test func aReceiverThatKeepsPlanesGetsPlanes() {
    var info = ReceiverInfo(
      compressions: [.none], codecs: [.flat], byteCountLimit: nil, name: [])
    info.planeLimit = 7
    for (wanted, limit) in [
      (plain(.exact), 7), (plain(.channel(bits: 8)), 7), (plain(.affine(bits: 4)), 3),
    ] {
      var expected = ProgressivePolicy(planeLimit: limit)
      expected.codesPlanesOnly = true
      let (policy, variant) = wanted.adapted(to: info)
      #expect(policy.codec == .planes(expected))
      #expect(variant == .flat)
    }
  }
}
