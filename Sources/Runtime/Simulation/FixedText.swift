/// A number of 0 or more with so many digits behind the point.
package func fixedText(_ value: Double, digits: Int) -> String {
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  let scaled = Int((value * Double(scale)).rounded())
  guard digits > 0 else { return "\(scaled)" }
  let fraction = "\(scaled % scale)"
  let zeros = String(repeating: "0", count: digits - fraction.count)
  return "\(scaled / scale).\(zeros)\(fraction)"
}
