# Makes the index of a gem registry from the files in gems/, as rubygems.org serves it: the compact
# index that bundler and newer versions of gem read, and the marshalled one that older ones read.
require "digest"
require "fileutils"
require "rubygems/package"
require "zlib"

specs = Dir["gems/*.gem"].sort.map { |file| [file, Gem::Package.new(file).spec] }

def pack(file, object)
  Zlib::GzipWriter.open(file) { |gzip| gzip.write(Marshal.dump(object)) }
end

tuples = specs.map { |_, spec| [spec.name, spec.version, spec.original_platform.to_s] }
released, pre = tuples.partition { |_, version, _| !version.prerelease? }
latest = released.group_by { |name, _, platform| [name, platform] }.values.map { |all| all.max_by { |it| it[1] } }
pack("specs.4.8.gz", released)
pack("prerelease_specs.4.8.gz", pre)
pack("latest_specs.4.8.gz", latest)

FileUtils.mkdir_p("quick/Marshal.4.8")
FileUtils.mkdir_p("info")
info = Hash.new { |hash, name| hash[name] = ["---"] }
specs.each do |file, spec|
  deflated = Zlib::Deflate.deflate(Marshal.dump(spec))
  File.binwrite("quick/Marshal.4.8/#{spec.full_name}.gemspec.rz", deflated)
  needs = spec.runtime_dependencies.map { |it| "#{it.name}:#{it.requirement.to_s.gsub(', ', '&')}" }
  sum = Digest::SHA256.file(file).hexdigest
  number = spec.platform.to_s == "ruby" ? spec.version : "#{spec.version}-#{spec.platform}"
  info[spec.name] << "#{number} #{needs.join(',')}|checksum:#{sum}"
end

versions = ["created_at: 2026-01-01T00:00:00Z", "---"]
info.each do |name, lines|
  text = lines.join("\n") + "\n"
  File.write("info/#{name}", text)
  numbers = lines.drop(1).map { |line| line.split(" ").first }
  versions << "#{name} #{numbers.join(',')} #{Digest::MD5.hexdigest(text)}"
end
File.write("versions", versions.join("\n") + "\n")
