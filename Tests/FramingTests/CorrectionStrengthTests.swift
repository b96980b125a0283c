import Framing
import Testing

/// How many bytes go in and out, for every size there is.
struct CorrectionStrengthTests {
  @Test(arguments: CorrectionStrength.allCases)
  func sizesOfFramesComeBackFromTheirTotals(strength: CorrectionStrength) {
    let limit = CorrectionStrength.codewordByteCount
    var frames: [Int: Int] = [:]
    for byteCount in 1...strength.frameByteCountLimit {
      let count = strength.codewordCount(frameByteCount: byteCount)
      let total = byteCount + strength.parityByteCount(frameByteCount: byteCount)
      #expect(total == byteCount + 2 * Int(strength.rawValue) * count)
      #expect(count == (total + limit - 1) / limit)
      #expect(strength.frameByteCount(totalByteCount: total) == byteCount)
      frames[total] = byteCount
    }
    for total in -1...9 * limit {
      #expect(strength.frameByteCount(totalByteCount: total) == frames[total], "total \(total)")
    }
  }

  @Test(arguments: CorrectionStrength.allCases)
  func longestFrameFillsEightCodewords(strength: CorrectionStrength) {
    let limit = strength.frameByteCountLimit
    #expect(strength.codewordCount(frameByteCount: limit) == 8)
    #expect(strength.codewordCount(frameByteCount: limit + 1) == 9)
    #expect(limit + strength.parityByteCount(frameByteCount: limit) == 8 * 255)
  }

  @Test(arguments: CorrectionStrength.allCases)
  func longestFrameOfAnMTUIsTheLongest(strength: CorrectionStrength) {
    var longest = 0
    for mtu in 0...2100 {
      let next = longest + 1
      let isInReach = next <= strength.frameByteCountLimit
      if isInReach && next + strength.parityByteCount(frameByteCount: next) <= mtu {
        longest = next
      }
      #expect(strength.frameByteCountLimit(mtu: mtu) == longest, "MTU \(mtu)")
    }
    #expect(strength.frameByteCountLimit(mtu: 65535) == strength.frameByteCountLimit)
  }

  @Test func strengthsAreInOrder() {
    #expect(CorrectionStrength.allCases.sorted() == CorrectionStrength.allCases)
    #expect(CorrectionStrength.allCases.map(\.rawValue) == [1, 2, 3, 4, 6, 8])
    #expect(CorrectionStrength.allCases.map(\.parityByteCount) == [2, 4, 6, 8, 12, 16])
  }
}
