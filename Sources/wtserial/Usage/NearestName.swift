/// The name that a misspelt word most likely stands for; nil where none is near.
///
/// Near is what few edits tell apart for the length of the word, or what the word begins.
func nearestName(to word: String, among names: [String]) -> String? {
  let beginnings = names.filter { word.count > 1 && $0.hasPrefix(word) }
  if beginnings.count == 1 { return beginnings.first }
  // Two for four letters, of which two may have changed places.
  let limit = max(1, min(3, word.count / 2))
  let nearest = names.map { (name: $0, distance: editDistance(word, $0)) }.min {
    $0.distance < $1.distance
  }
  return nearest.flatMap { $0.distance <= limit ? $0.name : nil }
}

/// The characters to be added, taken away or replaced to make one text of the other (Levenshtein).
private func editDistance(_ text: String, _ other: String) -> Int {
  let other = Array(other)
  // Of what has been read of `text`, to each beginning of `other`.
  var distances = Array(0...other.count)
  for (count, character) in text.enumerated() {
    var diagonal = distances[0]
    distances[0] = count + 1
    for index in other.indices {
      let replaced = diagonal + (character == other[index] ? 0 : 1)
      diagonal = distances[index + 1]
      distances[index + 1] = min(replaced, diagonal + 1, distances[index] + 1)
    }
  }
  return distances[other.count]
}
